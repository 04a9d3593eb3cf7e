/**
 * The flags that Electron needs on its command line, before any of its JavaScript runs. The WebGPU switches are not among
 * them: `src/main/index.ts` sets those with `applyGpuSwitches(app.commandLine)` of src/main/electron-switches.ts, because
 * Playwright's loader replaces `enable-features` after the command line was read.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readEnvironment } from './environment.mjs';

/**
 * @param {string | undefined} electronPath the executable
 * @returns {string[]}
 */
export function electronFlags(electronPath = readEnvironment()?.electronPath) {
  return canSandbox(electronPath) ? [] : ['--no-sandbox'];
}

/** Chromium's sandbox needs user namespaces, which root does not get and some systems close to everybody, or a helper. */
function canSandbox(electronPath) {
  if (process.platform !== 'linux') return true;
  if (process.getuid?.() === 0) return false;
  if (electronPath !== undefined && hasHelper(electronPath)) return true;
  if (setting('/proc/sys/kernel/unprivileged_userns_clone') === '0') return false;
  const isRestricted = setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1';
  return !isRestricted || (electronPath !== undefined && hasProfile(electronPath));
}

/**
 * The helper beside the executable, which runs as root whoever starts it.
 * @param {string} electronPath
 */
export function hasHelper(electronPath) {
  const stat = statSync(join(dirname(electronPath), 'chrome-sandbox'), { throwIfNoEntry: false });
  return stat !== undefined && stat.uid === 0 && (stat.mode & 0o4111) === 0o4111;
}

/**
 * Whether a profile of AppArmor names the executable and grants user namespaces.
 * @param {string} electronPath
 */
export function hasProfile(electronPath, folder = '/etc/apparmor.d') {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .some((entry) => {
      const text = setting(join(folder, entry.name)) ?? '';
      return text.includes(electronPath) && /^\s*userns\b/m.test(text);
    });
}

function setting(path) {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined; // absent, or not for us
  }
}
