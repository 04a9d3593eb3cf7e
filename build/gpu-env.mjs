/**
 * The environment that Dawn for Node needs on Linux: which Vulkan drivers to load, and a runtime folder. On macOS and
 * Windows Dawn uses Metal and Direct3D and needs nothing.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { usesSoftwareGpu } from '../src/main/gpu-device.mjs';

/**
 * Variables to add to the environment. `icd` is SwiftShader's manifest, undefined where there is none. Where a GPU is
 * present SwiftShader is only added behind its driver; what the user has set is left alone.
 * @param {string | undefined} icd
 * @param {Record<string, string | undefined>} env
 * @param {NodeJS.Platform} platform
 * @returns {Record<string, string>}
 */
export function gpuEnv(icd, env = process.env, platform = process.platform) {
  if (platform !== 'linux') return {};
  const added = {};
  const chosen = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES'].some((name) => env[name]);
  if (icd && !chosen) added[usesSoftwareGpu() ? 'VK_ICD_FILENAMES' : 'VK_ADD_DRIVER_FILES'] = icd;
  if (!env.XDG_RUNTIME_DIR) added.XDG_RUNTIME_DIR = runtimeDir();
  return added;
}

function runtimeDir() {
  const path = join(tmpdir(), `quarrel-runtime-${userInfo().uid}`);
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o700); // the specification of XDG_RUNTIME_DIR demands it
  return path;
}
