import { QuarrelError } from '../../shared/base/errors';
import { adapterName, describeAdapter } from '../../shared/gpu/adapter';

/** Throws QuarrelError where this Electron has no WebGPU. */
export function webGpu(): GPU {
  const gpu = navigator.gpu as GPU | undefined;
  if (!gpu) throw new QuarrelError('WebGPU is missing in this Electron: navigator.gpu is undefined');
  return gpu;
}

/** What runs here, as provenance. */
export async function adapterLabel(adapter: GPUAdapter): Promise<{ adapter: string; implementation: string }> {
  const browser = /Chrome\/[\d.]+/.exec(navigator.userAgent)?.[0] ?? navigator.userAgent;
  return { adapter: adapterName(await describeAdapter(adapter)), implementation: `GPU window, ${browser}` };
}
