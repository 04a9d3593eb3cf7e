import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { QuarrelError } from '../../shared/base/errors';

/** Writes a text file as a whole or not at all. Throws QuarrelError when the folder cannot be written. */
export function writeWhole(path: string, text: string): void {
  const part = `${path}.${process.pid}.part`;
  try {
    writeFileSync(part, text);
    renameSync(part, path);
  } catch (e) {
    rmSync(part, { force: true });
    throw new QuarrelError(`cannot write ${path}: ${(e as Error).message}`);
  }
}
