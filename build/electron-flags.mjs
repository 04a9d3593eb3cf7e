/**
 * The flags that Electron needs on its command line, before any of its JavaScript runs. The WebGPU switches are not among
 * them: `src/main/index.ts` sets those with `applyGpuSwitches(app.commandLine)` of src/main/electron-switches.ts, because
 * Playwright's loader replaces `enable-features` after the command line was read.
 */
import { existsSync, readFileSync } from 'node:fs';

/** @returns {string[]} */
export function electronFlags() {
  return canSandbox() ? [] : ['--no-sandbox'];
}

/** Chromium's sandbox needs user namespaces, which root does not get and some systems close to everybody. */
function canSandbox() {
  if (process.platform !== 'linux') return true;
  if (process.getuid?.() === 0) return false;
  return (
    setting('/proc/sys/kernel/unprivileged_userns_clone') !== '0' &&
    setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') !== '1'
  );
}

function setting(path) {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}
