import fs from 'node:fs';
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';
import { partBeside } from './temporary';

/** Writes a whole file or none: into a file beside the target, then renamed. Throws QuarrelError. */
export function writeAtomic(target: string, data: Uint8Array | string): void {
  const part = partBeside(target);
  try {
    fs.mkdirSync(path.dirname(part.path), { recursive: true });
    fs.writeFileSync(part.path, data, { flag: 'wx' });
    fs.renameSync(part.path, target);
    part.keep();
  } catch (e) {
    part.remove();
    throw new QuarrelError(`cannot write ${target}: ${(e as Error).message}`);
  }
}

/** Renames a finished file to its place. Throws QuarrelError. */
export function moveInto(from: string, target: string): void {
  try {
    fs.renameSync(from, target);
  } catch (e) {
    throw new QuarrelError(`cannot write ${target}: ${(e as Error).message}`);
  }
}
