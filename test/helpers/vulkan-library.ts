import { vulkanLibrary as fetched } from '../../build/setup/vulkan-package.mjs';
import { softwareDriver } from '../../src/main/capture/capture-env';
import { usesSoftwareGpu } from '../../src/main/gpu-device.mjs';

/**
 * Folder of llama.cpp's Vulkan build, which `npm test` fetches; undefined where it is not there or no Vulkan driver is.
 * Tests that need it are skipped by name then.
 */
export function vulkanLibrary(): string | undefined {
  if (usesSoftwareGpu() && softwareDriver() === undefined) return undefined;
  return fetched();
}
