/** Folders that appear as a whole or not at all. */
import fs from 'node:fs';
import { QuarrelError } from '../../shared/base/errors';
import { requireFree } from '../files/outputs';
import type { Temporary } from '../files/temporary';
import { folderBeside } from '../files/temporary';

/** Whether what lies there may go, once there is something to take its place. */
export type Replaceable = (target: string) => boolean;

/** Has `fill` write into a folder beside `target`, which then takes its place. */
export function writeFolder(
  target: string,
  fill: (folder: string) => void,
  isReplaceable: Replaceable = () => false,
): void {
  if (!isReplaceable(target)) requireFree(target);
  const part = folderBeside(target);
  try {
    fill(part.path);
    if (isReplaceable(target)) fs.rmSync(target, { recursive: true });
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
