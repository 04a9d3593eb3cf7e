import fs from 'node:fs';
import path from 'node:path';

import type { Device } from '../../shared/divergence/lane-spec';
import { DAWN_DRIVERS, DRIVER_VARIABLES, usesSoftwareGpu } from '../gpu-device.mjs';

/** Where the Vulkan loader looks for drivers, by its own list. */
const DRIVER_FOLDERS = ['/usr/local/etc', '/usr/local/share', '/etc', '/usr/share'].map((folder) =>
  path.join(folder, 'vulkan', 'icd.d'),
);
/** Mesa's software driver, as `lvp_icd.x86_64.json` or `lvp_icd.json`. */
const SOFTWARE_DRIVER = /^lvp_icd(\.[\w-]+)?\.json$/;

type Env = NodeJS.ProcessEnv;

/**
 * The environment of a process that runs llama.cpp on a device. The driver that was chosen for Dawn (SwiftShader) is not
 * llama.cpp's. Where a Linux machine has no GPU, `vulkan` runs on Mesa's software driver, which llama.cpp takes only when
 * it is named; what the user has set is left alone.
 */
export function captureEnv(
  device: Device,
  env: Env = process.env,
  platform: NodeJS.Platform = process.platform,
  folders = DRIVER_FOLDERS,
): Env {
  const forDawn = [DAWN_DRIVERS, env[DAWN_DRIVERS]];
  const own: Env = Object.fromEntries(Object.entries(env).filter(([name]) => !forDawn.includes(name)));
  if (device !== 'vulkan' || platform !== 'linux' || !usesSoftwareGpu()) return own;
  if (DRIVER_VARIABLES.some((name) => own[name])) return own;
  const driver = softwareDriver(folders);
  if (driver === undefined) return own;
  // Loaders before 1.3.207 know only the older of the names.
  return { GGML_VK_VISIBLE_DEVICES: '0', ...own, VK_ICD_FILENAMES: driver };
}

/** Mesa's manifest; undefined where it is not installed. */
export function softwareDriver(folders: readonly string[] = DRIVER_FOLDERS): string | undefined {
  for (const folder of folders) {
    const file =
      fs.existsSync(folder) &&
      fs
        .readdirSync(folder)
        .sort()
        .find((name) => SOFTWARE_DRIVER.test(name));
    if (file) return path.join(folder, file);
  }
  return undefined;
}
