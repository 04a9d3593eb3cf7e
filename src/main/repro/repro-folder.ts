/** Folders that appear as a whole or not at all. */
import fs from 'node:fs';
import { QuarrelError } from '../../shared/base/errors';
import type { Temporary } from '../files/temporary';
import { folderBeside } from '../files/temporary';

/** Throws QuarrelError where `target` exists and is not an empty folder: known before a long run, it is said then. */
export function requireFree(target: string): void {
  const found = fs.statSync(target, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isDirectory()) throw new QuarrelError(`cannot write ${target}: it is a file; a new folder is expected`);
  const held = fs.readdirSync(target);
  if (held.length === 0) return;
  throw new QuarrelError(`cannot write ${target}: it holds ${held.slice(0, 3).join(', ')}; a new folder is expected`);
}

/** Has `fill` write into a folder beside `target`, which then takes its place. */
export function writeFolder(target: string, fill: (folder: string) => void): void {
  requireFree(target);
  const part = folderBeside(target);
  try {
    fill(part.path);
    putInPlace(part, target);
  } catch (e) {
    part.remove();
    if (e instanceof Error && 'syscall' in e) throw new QuarrelError(`cannot write ${target}: ${e.message}`);
    throw e;
  }
}

/** Renames a finished folder to `target`, where an empty one may lie. */
export function putInPlace(part: Temporary, target: string): void {
  try {
    if (fs.existsSync(target)) fs.rmdirSync(target);
    fs.renameSync(part.path, target);
    part.keep();
  } catch (e) {
    throw new QuarrelError(`cannot write ${target}: ${(e as Error).message}`);
  }
}

/** A copy of a folder with all that it holds. */
export function copyFolder(from: string, target: string): void {
  writeFolder(target, (folder) => fs.cpSync(from, folder, { recursive: true }));
}
