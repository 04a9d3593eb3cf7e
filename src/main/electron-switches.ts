import { usesSoftwareGpu } from './gpu-device.mjs';

/** The part of Electron's `app.commandLine` that is used here. */
export interface CommandLine {
  appendSwitch(name: string, value?: string): void;
  getSwitchValue(name: string): string;
}

type Switch = readonly [name: string, value?: string];

const linuxGpu: readonly Switch[] = [['enable-unsafe-webgpu'], ['enable-features', 'Vulkan']];

const softwareGpu: readonly Switch[] = [
  ...linuxGpu,
  ['use-webgpu-adapter', 'swiftshader'],
  ['use-vulkan', 'swiftshader'],
  ['disable-vulkan-surface'],
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
  if (platform !== 'linux') return [];
  return software ? softwareGpu : linuxGpu;
}
