/** Plain JavaScript: the launcher of the command line needs it before anything is built. */
import { existsSync, readdirSync } from 'node:fs';

/** By which the Vulkan loader is told its drivers. */
export const DRIVER_VARIABLES = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES'];

/** Names the driver variable that we have set, for Dawn; unset where the user's own holds. */
export const DAWN_DRIVERS = 'QUARREL_DAWN_DRIVERS';

/**
 * Whether WebGPU runs on the software GPU here. QUARREL_GPU=software or =hardware decides; otherwise Linux's device
 * nodes do. Other systems always have a GPU driver.
 * @returns {boolean}
 */
export function usesSoftwareGpu() {
  const wanted = process.env['QUARREL_GPU'];
  if (wanted === 'software' || wanted === 'hardware') return wanted === 'software';
  if (process.platform !== 'linux') return false;
  const dri = existsSync('/dev/dri') ? readdirSync('/dev/dri') : [];
  const present = dri.some((name) => name.startsWith('renderD'));
  return !(present || existsSync('/dev/nvidiactl') || existsSync('/dev/dxg'));
}
