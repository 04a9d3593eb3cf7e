/**
 * The environment that Dawn for Node needs on Linux: which Vulkan drivers to load, and a runtime folder. On macOS and
 * Windows Dawn uses Metal and Direct3D and needs nothing.
 */
import { chmodSync, mkdirSync } from 'node:fs';
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
  if (!env.XDG_RUNTIME_DIR) added.XDG_RUNTIME_DIR = runtimeDir();
  return added;
}

function runtimeDir() {
  const path = join(tmpdir(), `quarrel-runtime-${userInfo().uid}`);
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o700); // the specification of XDG_RUNTIME_DIR demands it
  return path;
}
