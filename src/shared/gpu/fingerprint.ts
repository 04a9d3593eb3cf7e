import type { AdapterDescription } from './adapter';
import { describeAdapter, openSession } from './adapter';
import type { ShaderSource } from './compose-shader';
import type { GpuSession } from './gpu-session';
import type { MeasuredNumerics } from './measure-numerics';
import { measureNumerics, NUMERICS } from './measure-numerics';
import { runMeasurement } from './measurement';
import { PipelineCache } from './pipeline-cache';

/** Subgroups, in invocations: what the adapter declares and what a kernel of 128 invocations ran in. */
export interface SubgroupSizes {
  /** null where the implementation does not tell. */
  readonly least: number | null;
  readonly most: number | null;
  readonly used: number;
}

/** What an adapter says of itself and what small kernels found out about it. */
export interface AdapterFingerprint extends AdapterDescription {
  readonly schema: 'quarrel.adapter/1';
  readonly numerics: MeasuredNumerics;
  /** null where the adapter offers no subgroups. */
  readonly subgroups: SubgroupSizes | null;
  /** Nanoseconds that all timestamps are multiples of; null where passes cannot be timed. */
  readonly timestampStep: number | null;
}

/** Opens a device of the adapter for as long as it takes. */
export async function fingerprint(adapter: GPUAdapter, shaders: ShaderSource): Promise<AdapterFingerprint> {
  const description = await describeAdapter(adapter);
  const session = await openSession(adapter);
  try {
    const pipelines = new PipelineCache(session, shaders);
    const kernel = await pipelines.get({ op: 'measure' });
    return {
      schema: 'quarrel.adapter/1',
      ...description,
      numerics: await measureNumerics(session, kernel),
      subgroups: await subgroupSizes(adapter, session, pipelines),
      timestampStep: await timestampStep(session, pipelines),
    };
  } finally {
    session.dispose();
  }
}

async function subgroupSizes(
  adapter: GPUAdapter,
  session: GpuSession,
  pipelines: PipelineCache,
): Promise<SubgroupSizes | null> {
  if (!session.device.features.has('subgroups')) return null;
  const kernel = await pipelines.get({ op: 'measure_subgroups' });
  const [used] = await runMeasurement(session, kernel, { operands: new Uint32Array(1), count: 0, results: 1 });
  const info = adapter.info as Partial<GPUAdapterInfo> | undefined;
  return { least: info?.subgroupMinSize ?? null, most: info?.subgroupMaxSize ?? null, used: used as number };
}

/** Passes whose times are looked at. */
const TIMED_PASSES = 32;

/** Their greatest common divisor: quantized clocks show large steps. */
async function timestampStep(session: GpuSession, pipelines: PipelineCache): Promise<number | null> {
  if (!session.canTimePasses) return null;
  const kernel = await pipelines.get({ op: 'measure' });
  const times: number[] = [];
  const onTime = (nanoseconds: number): unknown => times.push(nanoseconds);
  await runMeasurement(session, kernel, { ...NUMERICS, repeats: TIMED_PASSES, onTime });
  const step = times.reduce(greatestDivisor, 0);
  return step === 0 ? null : step;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
