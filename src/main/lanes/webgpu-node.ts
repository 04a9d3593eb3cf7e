import { QuarrelError } from '../../shared/base/errors';
import type { GraphLane } from '../../shared/divergence/lane';
import type { AdapterFingerprint } from '../../shared/gpu/adapter';
import { adapterName, fingerprint, openSession, requestAdapter } from '../../shared/gpu/adapter';
import type { GpuLimits, GpuSession } from '../../shared/gpu/gpu-session';
import type { WebGpuLaneOptions } from '../../shared/gpu/webgpu-lane';
import { WebGpuLane } from '../../shared/gpu/webgpu-lane';
import { openShaders } from './shader-files';

/** Dawn's instance. Kept for the life of the process: adapters and devices die with it. */
let instance: Promise<GPU> | undefined;

/** Loads Dawn on first use, so that commands without a GPU never touch a driver. */
function dawn(): Promise<GPU> {
  instance ??= import('webgpu').then(
    ({ create }) => create([]),
    (error: unknown) => {
      throw new QuarrelError(
        `Dawn (npm webgpu) cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      );
    },
  );
  return instance;
}

/** A device in this process; owned by the caller, who disposes it. */
export async function openNodeSession(limits?: Partial<GpuLimits>): Promise<GpuSession> {
  return openSession(await requestAdapter(await dawn()), limits);
}

export async function nodeAdapter(): Promise<AdapterFingerprint> {
  return fingerprint(await requestAdapter(await dawn()));
}

/**
 * The lane `webgpu` or `webgpu@DIR` of the command line and the tests, on Dawn.
 * @param overlay folder whose shaders replace the project's
 */
export async function openNodeWebGpuLane(
  overlay?: string,
  options: { readonly limits?: Partial<GpuLimits> } & Pick<WebGpuLaneOptions, 'weightBudgetBytes'> = {},
): Promise<GraphLane> {
  const { limits, ...rest } = options;
  const shaders = openShaders(overlay);
  const adapter = await nodeAdapter();
  return new WebGpuLane({
    ...rest,
    open: () => openNodeSession(limits),
    shaders,
    label: overlay === undefined ? 'webgpu' : `webgpu@${overlay}`,
    provenance: { adapter: adapterName(adapter), implementation: 'Dawn for Node' },
  });
}
