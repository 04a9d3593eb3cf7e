/** Folders that appear as a whole or not at all. */
import fs from 'node:fs';
import path from 'node:path';
import { QuarrelError } from '../../shared/base/errors';

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
  const part = `${path.resolve(target)}.${process.pid}.part`;
  try {
    fs.mkdirSync(part, { recursive: true });
    fill(part);
    if (fs.existsSync(target)) fs.rmdirSync(target);
    fs.renameSync(part, target);
  } catch (e) {
    fs.rmSync(part, { recursive: true, force: true });
    if (e instanceof Error && 'syscall' in e) throw new QuarrelError(`cannot write ${target}: ${e.message}`);
    throw e;
  }
}

/** A copy of a folder with all that it holds. */
export function copyFolder(from: string, target: string): void {
  writeFolder(target, (folder) => fs.cpSync(from, folder, { recursive: true }));
}
