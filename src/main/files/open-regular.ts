/**
 * The one way in which files of the user are opened for reading. Opening a pipe or a device may wait for ever, and a
 * thread that waits in the kernel hears no Ctrl-C: what is no regular file is refused, and never waited for.
 */
import fs from 'node:fs';

import { QuarrelError } from '../../shared/base/errors';

export interface OpenFile {
  readonly fd: number;
  readonly stat: fs.Stats;
}

const READ_AT_ONCE = process.platform === 'win32' ? 'r' : fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;

/** Far above any JSON that Quarrel reads; V8 holds no string of more than about 512 MiB. */
const MAX_TEXT_BYTES = 256 * 2 ** 20;

/**
 * Opens a regular file; the caller closes it.
 * @param what for errors, as "the trace x.safetensors"
 * Throws QuarrelError: missing, not permitted, a folder, a pipe, a device.
 */
export function openRegular(path: string, what = path): OpenFile {
  // To open a device may already do something: it is looked at first, and again once it is open.
  requireRegular(
    attempt(what, () => fs.statSync(path)),
    what,
  );
  const fd = attempt(what, () => fs.openSync(path, READ_AT_ONCE));
  try {
    const stat = fs.fstatSync(fd);
    requireRegular(stat, what);
    return { fd, stat };
  } catch (e) {
    fs.closeSync(fd);
    throw e;
  }
}

/** The whole of a regular text file in UTF-8. Throws QuarrelError as `openRegular`, and where it is far too long. */
export function readText(path: string, what = path): string {
  const { fd, stat } = openRegular(path, what);
  try {
    if (stat.size > MAX_TEXT_BYTES) {
      throw new QuarrelError(`${what}: ${stat.size} bytes; a text of at most ${MAX_TEXT_BYTES} is expected`);
    }
    return attempt(what, () => fs.readFileSync(fd, 'utf8'));
  } finally {
    fs.closeSync(fd);
  }
}

function requireRegular(stat: fs.Stats, what: string): void {
  if (!stat.isFile()) throw new QuarrelError(`${what}: it is ${kindOf(stat)}; a file is expected`);
}

function kindOf(stat: fs.Stats): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a pipe';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
}

function attempt<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (e) {
    throw new QuarrelError(`${what}: cannot be opened: ${(e as Error).message}`);
  }
}
