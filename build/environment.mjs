/** What `build/setup.mjs` found on this machine, for everything that starts Electron or Dawn. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from './project-root.mjs';

const file = join(projectRoot, '.cache', 'environment.json');

/**
 * @typedef {object} Environment
 * @property {string} electronVersion
 * @property {string} electronDist   folder of the Electron binary
 * @property {string} electronPath   the executable
 * @property {'download' | 'npm-package'} electronSource
 * @property {string | undefined} [swiftshaderIcd] Vulkan manifest of the software GPU (Linux)
 */

/**
 * The recorded environment, or undefined when set-up has not run or what it recorded is gone.
 * @returns {Environment | undefined}
 */
export function readEnvironment() {
  let recorded;
  try {
    recorded = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // absent or cut short: set-up writes it again
  }
  return existsSync(recorded.electronPath) ? recorded : undefined;
}

/** @param {Environment} environment */
export function writeEnvironment(environment) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, `${JSON.stringify(environment, undefined, 2)}\n`);
  renameSync(`${file}.part`, file);
}
