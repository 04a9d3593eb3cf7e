/** Plain JavaScript: the launcher of the command line needs it before anything is built. */
import { existsSync, readdirSync } from 'node:fs';

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
