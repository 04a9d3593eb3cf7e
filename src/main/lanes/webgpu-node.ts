import { QuarrelError } from '../../shared/base/errors';
import type { GraphLane } from '../../shared/divergence/lane';
import type { AdapterDescription } from '../../shared/gpu/adapter';
import { adapterName, describeAdapter, openSession, requestAdapter } from '../../shared/gpu/adapter';
import type { AdapterFingerprint } from '../../shared/gpu/fingerprint';
import { fingerprint } from '../../shared/gpu/fingerprint';
import { numericsLine } from '../../shared/gpu/measure-numerics';
import type { GpuLimits, GpuSession } from '../../shared/gpu/gpu-session';
import type { ProbeReport } from '../../shared/gpu/probe-block';
import { probeBlock } from '../../shared/gpu/probe-block';
import type { WebGpuLaneOptions } from '../../shared/gpu/webgpu-lane';
import { WebGpuLane } from '../../shared/gpu/webgpu-lane';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { openShaders } from './shader-files';

/** Dawn's instance. Kept for the life of the process: adapters and devices die with it. */
let instance: Promise<GPU> | undefined;

/** Dawn rounds timestamps to 65 µs against fingerprinting of users; a node's time is often less. */
const FLAGS = ['disable-dawn-features=timestamp_quantization'];

/** Loads Dawn on first use, so that commands without a GPU never touch a driver. */
function dawn(): Promise<GPU> {
  instance ??= import('webgpu').then(
    ({ create }) => create(FLAGS),
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

/** Probes one block with the project's decoder, or an overlay's (shared/gpu/probe-block.ts). */
export async function probeOnNode(type: GgmlTypeName, block: Uint8Array, overlay?: string): Promise<ProbeReport> {
  const shaders = openShaders(overlay);
  const session = await openNodeSession();
  try {
    return await probeBlock(session, shaders, type, block);
  } finally {
    session.dispose();
  }
}

/** What the adapter of this process says of itself. */
export async function nodeAdapter(): Promise<AdapterDescription> {
  return describeAdapter(await requestAdapter(await dawn()));
}

let print: Promise<AdapterFingerprint> | undefined;

/** The same and what small kernels measure on it; measured once per process. */
export function nodeFingerprint(): Promise<AdapterFingerprint> {
  print ??= dawn()
    .then(requestAdapter)
    .then((adapter) => fingerprint(adapter, openShaders()));
  return print;
}

/**
 * The lane `webgpu` or `webgpu@DIR` of the command line and the tests, on Dawn.
 * @param overlay folder whose shaders replace the project's
 */
export async function openNodeWebGpuLane(
  overlay?: string,
  options: { readonly limits?: Partial<GpuLimits> } & Pick<WebGpuLaneOptions, 'weightBudget'> = {},
): Promise<GraphLane> {
  const { limits, ...rest } = options;
  const shaders = openShaders(overlay);
  const adapter = await nodeFingerprint();
  return new WebGpuLane({
    ...rest,
    open: () => openNodeSession(limits),
    shaders,
    label: overlay === undefined ? 'webgpu' : `webgpu@${overlay}`,
    provenance: {
      adapter: adapterName(adapter),
      arithmetic: numericsLine(adapter.numerics),
      implementation: 'Dawn for Node',
    },
  });
}
