import { QuarrelError } from '../base/errors';
import type { GpuLimits } from './gpu-session';
import { GpuSession } from './gpu-session';

/** What an adapter says of itself: provenance of a trace. `fingerprint.ts` adds what is measured. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** Features that the executor uses where they are there. */
const WANTED = ['timestamp-query', 'subgroups'] as const;
/** Limits that the executor raises to what the adapter has. */
const RAISED = ['maxStorageBufferBindingSize', 'maxBufferSize'] as const;

/** @throws QuarrelError when there is no adapter */
export async function requestAdapter(gpu: GPU): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new QuarrelError(
      'WebGPU finds no adapter: no GPU driver (Vulkan, Metal or Direct3D 12) and no software GPU is set up',
    );
  }
  return adapter;
}

/** A device of this adapter with its limits raised; owned by the caller. */
export async function openSession(adapter: GPUAdapter, limits?: Partial<GpuLimits>): Promise<GpuSession> {
  const requiredLimits = Object.fromEntries(RAISED.map((name) => [name, adapter.limits[name]]));
  const requiredFeatures = WANTED.filter((name) => adapter.features.has(name));
  return new GpuSession(await adapter.requestDevice({ label: 'quarrel', requiredLimits, requiredFeatures }), limits);
}

export async function describeAdapter(adapter: GPUAdapter): Promise<AdapterDescription> {
  const { vendor, architecture, device, description } = await adapterInfo(adapter);
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value: unknown = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') limits[name] = value;
  }
  return { vendor, architecture, device, description, features: [...adapter.features].sort(), limits };
}

/** One line: vendor, device and driver as far as the adapter tells them. */
export function adapterName(print: AdapterDescription): string {
  const parts = [print.vendor, print.architecture, print.device, print.description].filter((part) => part !== '');
  return parts.length > 0 ? parts.join(' ') : 'unnamed adapter';
}

/** Chrome before 121 has no `adapter.info` but the older requestAdapterInfo(). */
async function adapterInfo(
  adapter: GPUAdapter,
): Promise<Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description'>> {
  const old = adapter as unknown as { info?: GPUAdapterInfo; requestAdapterInfo?: () => Promise<GPUAdapterInfo> };
  const info = old.info ?? (await old.requestAdapterInfo?.());
  return info ?? { vendor: '', architecture: '', device: '', description: '' };
}
