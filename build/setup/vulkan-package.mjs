/**
 * llama.cpp's Vulkan build, for tests of a real GPU backend: with Mesa's software driver it runs where there is no GPU.
 * It is the build of the same version that is published for the CPU, out of its npm package.
 */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { say, SetupError } from './log.mjs';
import { cacheRoot, fetchIntoCache, isComplete, untar } from './npm-package.mjs';

const version = '3.21.1';
const carrier = {
  spec: `@node-llama-cpp/linux-x64-vulkan@${version}`,
  integrity: 'sha512-flEeSzONQ6OIm5bYKLQf4eEnBzcC5WugFbyPUwkCqyyOFZ8pH0H9ulQ7ZNDLSIczeKneMRJornlyY1Hq7d3GDA==',
  size: '27 MB',
  libraries: 'package/bins/linux-x64-vulkan',
};

export const hasVulkanPackage = process.platform === 'linux' && process.arch === 'x64';

const folder = join(cacheRoot, `llama-vulkan-${version}-linux-x64`);

/** Folder of the libraries, as a lane names it (`llama:vulkan@DIR`); undefined where it is absent or incomplete. */
export function vulkanLibrary() {
  return hasVulkanPackage && isComplete(folder) ? folder : undefined;
}

/** Fetches the libraries unless they are there. Only tests need them, so a failure is said and set-up goes on. */
export async function ensureVulkanLibrary() {
  if (!hasVulkanPackage || vulkanLibrary() !== undefined) return;
  try {
    await fetchIntoCache(carrier, folder, unpack);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`${error.message}; tests of llama.cpp's Vulkan backend are skipped`);
  }
}

function unpack(tarball, work) {
  untar(['-xzf', tarball, '-C', work, carrier.libraries]);
  const target = join(work, 'libraries');
  renameSync(join(work, carrier.libraries), target);
  return target;
}
