/**
 * The environment that Dawn for Node needs on Linux: which Vulkan drivers to load, and a runtime folder. On macOS and
 * Windows Dawn uses Metal and Direct3D and needs nothing.
 */
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { DAWN_DRIVERS, DRIVER_VARIABLES, usesSoftwareGpu } from '../src/main/gpu-device.mjs';

/**
 * Variables to add to the environment. `icd` is SwiftShader's manifest, undefined where there is none. Where a GPU is
 * present SwiftShader is only added behind its driver; what the user has set is left alone. The driver is Dawn's alone:
 * DAWN_DRIVERS names the variable, for processes that look for other drivers (`captureEnv`).
 * @param {string | undefined} icd
 * @param {Record<string, string | undefined>} env
 * @param {NodeJS.Platform} platform
 * @returns {Record<string, string>}
 */
export function gpuEnv(icd, env = process.env, platform = process.platform) {
  if (platform !== 'linux') return {};
  const added = {};
  const chosen = DRIVER_VARIABLES.some((name) => env[name]);
  if (icd && !chosen) {
    const variable = usesSoftwareGpu() ? 'VK_ICD_FILENAMES' : 'VK_ADD_DRIVER_FILES';
    Object.assign(added, { [variable]: icd, [DAWN_DRIVERS]: variable });
  }
  const runtime = env.XDG_RUNTIME_DIR ? undefined : runtimeDir();
  if (runtime) added.XDG_RUNTIME_DIR = runtime;
  return added;
}

/**
 * One folder for all starts. In a folder where everybody may write the name may be another user's, or a link: then one of
 * a name that nobody can know, for this process alone. Without a folder for temporary files there is none, and whoever
 * needs one says so.
 */
function runtimeDir() {
  const path = join(tmpdir(), `quarrel-runtime-${userInfo().uid}`);
  try {
    if (isPrivateFolder(path)) return path;
    const own = mkdtempSync(`${path}-`);
    process.once('exit', () => rmSync(own, { recursive: true, force: true }));
    return own;
  } catch {
    return undefined;
  }
}

/** Makes it where there is none. The specification of XDG_RUNTIME_DIR demands 0700. */
function isPrivateFolder(path) {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const stat = lstatSync(path);
  if (!stat.isDirectory() || stat.uid !== userInfo().uid) return false;
  if ((stat.mode & 0o777) !== 0o700) chmodSync(path, 0o700);
  return true;
}
