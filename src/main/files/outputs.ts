/** What a run writes, checked before it runs: no output may be an input, and hours later is too late to find a full disk. */
import fs from 'node:fs';
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';
import { partBeside } from './temporary';

export interface RunOutput {
  /** The option that names it, for errors. */
  readonly option: string;
  readonly path: string;
  /** A folder gets files; a new folder appears as a whole and must not hold anything yet. */
  readonly kind: 'file' | 'folder' | 'new-folder';
}

/**
 * Files that are read: whatever is written must be none of them, however it is spelled, linked or reached. One for a whole
 * run: each file is looked at once.
 */
export class ReadFiles {
  private readonly byIdentity: ReadonlyMap<string, string>;

  constructor(private readonly paths: readonly string[]) {
    this.byIdentity = new Map(paths.map((file) => [identityOf(file), file]));
  }

  /** Throws QuarrelError where `target` is one of them. */
  requireNot(target: string, option = 'cannot write'): void {
    const input = this.byIdentity.get(identityOf(target));
    if (input === undefined) return;
    const same = input === target ? '' : ` (as ${input})`;
    throw new QuarrelError(`${option} ${target}: this file is read here${same} and would be lost: name another one`);
  }

  /** Throws QuarrelError where one of them lies in a folder that is to be replaced. */
  requireNoneIn(folder: string, option: string): void {
    if (!fs.existsSync(folder)) return;
    const input = this.paths.find((file) => liesIn(file, folder));
    if (input === undefined) return;
    throw new QuarrelError(`${option} ${folder}: ${input}, which lies in it, is read here and would be lost`);
  }
}

/** Throws QuarrelError: an output is an input or another output, or cannot be written. */
export function checkOutputs(outputs: readonly RunOutput[], inputs: ReadFiles): void {
  const seen = new Map<string, RunOutput>();
  for (const output of outputs) {
    refuseWrongKind(output);
    inputs.requireNot(output.path, output.option);
    if (output.kind === 'folder') continue; // it may get files of several kinds
    const key = identityOf(output.path);
    const other = seen.get(key);
    if (other) {
      throw refused(output, `it is the same as ${other.option} ${other.path}: each output needs a name of its own`);
    }
    seen.set(key, output);
  }
  for (const output of outputs) requireWritable(output);
}

/** Whether a file's real place, existing or not, is in this folder. */
export function liesIn(file: string, folder: string): boolean {
  const below = path.relative(realPlace(folder), realPlace(file));
  return below !== '' && below.split(path.sep)[0] !== '..' && !path.isAbsolute(below);
}

/** Throws QuarrelError where `target` exists and is not an empty folder: known before a long run, it is said then. */
export function requireFree(target: string): void {
  const found = look(target, () => fs.statSync(target, { throwIfNoEntry: false }));
  if (!found) return;
  if (!found.isDirectory()) throw new QuarrelError(`cannot write ${target}: it is a file; a new folder is expected`);
  const held = look(target, () => fs.readdirSync(target));
  if (held.length === 0) return;
  throw new QuarrelError(`cannot write ${target}: it holds ${held.slice(0, 3).join(', ')}; a new folder is expected`);
}

function look<T>(target: string, at: () => T): T {
  try {
    return at();
  } catch (e) {
    throw new QuarrelError(`cannot write ${target}: ${(e as Error).message}`);
  }
}

function refused({ option, path: target }: RunOutput, why: string): QuarrelError {
  return new QuarrelError(`${option} ${target}: ${why}`);
}

function refuseWrongKind(output: RunOutput): void {
  const { path: target, kind } = output;
  if (kind === 'new-folder') return requireFree(target);
  const found = attempt(output, () => fs.statSync(target, { throwIfNoEntry: false }));
  if (kind === 'file') {
    if (/[/\\]$/.test(target)) throw refused(output, 'this is the name of a folder; the name of a file is expected');
    if (found && !found.isFile()) {
      // To rename a file over a device would do away with the device.
      throw refused(
        output,
        `it is a ${found.isDirectory() ? 'folder' : 'device or pipe'}; the name of a file is expected`,
      );
    }
    if (found) attempt(output, () => fs.accessSync(target, fs.constants.W_OK));
  } else if (found && !found.isDirectory()) {
    throw refused(output, 'it is a file; a folder is expected');
  }
}

/** Tries what only trying tells (quotas, network file systems, attributes): a byte in a file that goes again. */
function requireWritable(output: RunOutput): void {
  const { path: target, kind } = output;
  const folder = existingFolder(kind === 'folder' ? path.join(target, 'x') : target);
  attempt(output, () => {
    const { blocks, bavail, bfree } = fs.statfsSync(folder);
    // Some file systems do not count; root may also have what is kept for it.
    const free = process.getuid?.() === 0 ? bfree : bavail;
    if (blocks > 0 && free === 0) throw new Error(`no space left in ${folder}`);
    const probe = partBeside(path.join(folder, 'probe'));
    try {
      fs.writeFileSync(probe.path, 'x', { flag: 'wx' });
    } finally {
      probe.remove();
    }
  });
}

function attempt<T>(output: RunOutput, act: () => T): T {
  try {
    return act();
  } catch (e) {
    throw refused(output, `cannot be written: ${(e as Error).message}`);
  }
}

/** The nearest folder above that exists: those between are made when the file is written. */
function existingFolder(target: string): string {
  for (let folder = path.dirname(path.resolve(target)); ; folder = path.dirname(folder)) {
    if (fs.existsSync(folder) || folder === path.dirname(folder)) return folder;
  }
}

/** What stands for a file however it is spelled: device and inode; of one that does not exist, its real place. */
function identityOf(file: string): string {
  const stat = statOf(file);
  if (stat) return `${stat.dev}:${stat.ino}`;
  const place = realPlace(file);
  const foldsCase = process.platform === 'win32' || process.platform === 'darwin';
  return foldsCase ? place.toLowerCase() : place;
}

/** Without links, as far as it exists. */
function realPlace(file: string): string {
  if (fs.existsSync(file)) return realPath(file);
  const folder = existingFolder(file);
  return path.join(realPath(folder), path.relative(folder, path.resolve(file)));
}

function statOf(file: string): fs.BigIntStats | undefined {
  try {
    return fs.statSync(file, { bigint: true });
  } catch {
    return undefined;
  }
}

function realPath(file: string): string {
  try {
    return fs.realpathSync(file);
  } catch {
    return file;
  }
}
