import { usesSoftwareGpu } from './gpu-device.mjs';

/** The part of Electron's `app.commandLine` that is used here. */
export interface CommandLine {
  appendSwitch(name: string, value?: string): void;
  getSwitchValue(name: string): string;
}

type Switch = readonly [name: string, value?: string];

// A kernel that hangs takes the GPU process with it; a page that this happened to twice would get no GPU any more.
const everywhere: readonly Switch[] = [['disable-domain-blocking-for-3d-apis']];

const linuxGpu: readonly Switch[] = [...everywhere, ['enable-unsafe-webgpu'], ['enable-features', 'Vulkan']];

const softwareGpu: readonly Switch[] = [
  ...linuxGpu,
  ['use-webgpu-adapter', 'swiftshader'],
  ['use-vulkan', 'swiftshader'],
  ['disable-vulkan-surface'],
  // After three lost GPU processes Chromium draws without one, and WebGPU is gone until the next start. Where the GPU is
  // software, a new process is as good as the first.
  ['disable-gpu-process-crash-limit'],
];

/**
 * Turns WebGPU on: over SwiftShader on a Linux machine without a GPU, over the GPU elsewhere. Call it in the main entry
 * before `app` is ready. It is done here and not on the command line because Playwright's loader replaces
 * `enable-features` after the command line was read; values already there are kept.
 */
export function applyGpuSwitches(commandLine: CommandLine, platform = process.platform): void {
  for (const [name, value] of gpuSwitches(platform, usesSoftwareGpu())) {
    const before = name === 'enable-features' ? commandLine.getSwitchValue(name) : '';
    if (value === undefined) commandLine.appendSwitch(name);
    else commandLine.appendSwitch(name, before === '' ? value : `${before},${value}`);
  }
}

export function gpuSwitches(platform: NodeJS.Platform, software: boolean): readonly Switch[] {
  if (platform !== 'linux') return everywhere;
  return software ? softwareGpu : linuxGpu;
}
