import fs from 'node:fs';
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';

/** Writes a whole file or none: into a file beside the target, then renamed. Throws QuarrelError. */
export function writeAtomic(target: string, data: Uint8Array | string): void {
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    fs.mkdirSync(path.dirname(path.resolve(target)), { recursive: true });
    fs.writeFileSync(temporary, data);
    fs.renameSync(temporary, target);
  } catch (e) {
    fs.rmSync(temporary, { force: true });
    throw new QuarrelError(`cannot write ${target}: ${(e as Error).message}`);
  }
}
