import { afterEach, describe, expect, it, vi } from 'vitest';
import { applyGpuSwitches, gpuSwitches } from '../../src/main/electron-switches';
import { usesSoftwareGpu } from '../../src/main/gpu-device.mjs';

afterEach(() => vi.unstubAllEnvs());

function commandLine(initial: Record<string, string> = {}) {
  const switches = new Map(Object.entries(initial));
  return {
    switches,
    appendSwitch: (name: string, value = '') => void switches.set(name, value),
    getSwitchValue: (name: string) => switches.get(name) ?? '',
  };
}

describe('the GPU switches', () => {
  it('choose SwiftShader only on Linux and only without a GPU', () => {
    const names = (software: boolean) => gpuSwitches('linux', software).map(([name]) => name);
    expect(names(true)).toContain('use-webgpu-adapter');
    const everywhere = 'disable-domain-blocking-for-3d-apis';
    expect(names(false)).toEqual([everywhere, 'enable-unsafe-webgpu', 'enable-features']);
    expect(gpuSwitches('darwin', true)).toEqual([[everywhere]]);
    expect(gpuSwitches('win32', true)).toEqual([[everywhere]]);
  });

  it('keep the features that were enabled before', () => {
    vi.stubEnv('QUARREL_GPU', 'software');
    const { switches, ...line } = commandLine({ 'enable-features': 'A,B', 'use-vulkan': 'native' });
    applyGpuSwitches(line, 'linux');
    expect(Object.fromEntries(switches)).toEqual({
      'enable-features': 'A,B,Vulkan',
      'enable-unsafe-webgpu': '',
      'use-webgpu-adapter': 'swiftshader',
      'use-vulkan': 'swiftshader',
      'disable-vulkan-surface': '',
      'disable-domain-blocking-for-3d-apis': '',
      'disable-gpu-process-crash-limit': '',
    });
  });

  it('follow QUARREL_GPU', () => {
    vi.stubEnv('QUARREL_GPU', 'software');
    expect(usesSoftwareGpu()).toBe(true);
    vi.stubEnv('QUARREL_GPU', 'hardware');
    expect(usesSoftwareGpu()).toBe(false);
  });
});
