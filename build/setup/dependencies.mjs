import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root.mjs';
import { say, SetupError } from './log.mjs';
import { npm } from './run.mjs';

/** Installs `node_modules` where it is not what the lock says. */
export function ensureDependencies() {
  const wanted = packagesOf(join(projectRoot, 'package-lock.json'));
  // npm writes this record last, so an install that was cut off has none.
  const present = packagesOf(join(projectRoot, 'node_modules', '.package-lock.json'));
  if (matches(wanted, present)) return;
  say('installing packages (npm ci)');
  const result = npm(['ci', '--loglevel', 'error'], { cwd: projectRoot, show: true });
  if (!result.ok) throw new SetupError(`packages could not be installed: ${result.reason}`);
}

/**
 * True when the installed packages are the locked ones; optional ones (other platforms' libraries) may be absent.
 * @param {Record<string, { version?: string, optional?: boolean }>} wanted locked packages by path
 * @param {Record<string, { version?: string }>} present installed packages by path
 */
export function matches(wanted, present) {
  const isThere = ([path, { version, optional }]) =>
    path === '' || (present[path] ? present[path].version === version : optional === true);
  return Object.entries(wanted).every(isThere) && Object.keys(present).every((path) => path in wanted);
}

function packagesOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {};
}
