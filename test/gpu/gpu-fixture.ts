import { Control } from '../../src/shared/base/control';
import type { RunMode } from '../../src/shared/divergence/lane';
import type { WeightSource } from '../../src/shared/gguf/model-source';
import type { GpuRunRequest } from '../../src/shared/gpu/run-request';
import type { Dims, Graph } from '../../src/shared/graph/graph';
import { elementCount } from '../../src/shared/graph/graph';
import { executeGraph } from '../../src/shared/ops/executor';
import { createInlineEngine } from '../../src/shared/ops/mat-mul-engine';
import type { Checkpoints } from '../../src/shared/ops/run-memory';
import type { NotMeasured, TraceDtype, TraceSink } from '../../src/shared/trace/trace';
import { bytesToF32 } from '../../src/shared/trace/widen';
import { weightsOf } from '../shared/ops/graph-builder';

export function silent(): Control {
  return new Control(() => undefined);
}

/** A checkpoint in memory. */
export interface Stored {
  readonly dtype: TraceDtype;
  readonly ne: Dims;
  readonly bytes: Uint8Array;
}

export function stored(dtype: TraceDtype, ne: Dims, values: ArrayBufferView): Stored {
  return { dtype, ne, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** A trace in memory. */
export function memoryTrace(values: Readonly<Record<string, Stored>>): Checkpoints {
  const get = (key: string): Stored => {
    const found = values[key];
    if (!found) throw new Error(`no ${key} in the trace`);
    return found;
  };
  return {
    label: 'trace in memory',
    entries: new Map(Object.entries(values).map(([key, { dtype, ne }]) => [key, { dtype, shape: [elementCount(ne)] }])),
    readF32: (key) => bytesToF32(get(key).dtype, get(key).bytes.slice()),
    readRaw: (key) => get(key).bytes.slice(),
  };
}

/** What a lane delivered, in its order. */
export class CollectingSink implements TraceSink {
  readonly results = new Map<string, Float32Array>();
  readonly missing: NotMeasured[] = [];
  /** Microseconds by key. */
  readonly times = new Map<string, number>();

  write(key: string, dtype: TraceDtype, _ne: Dims, data: Uint8Array | Float32Array): void {
    if (this.results.has(key)) throw new Error(`${key} was delivered twice`);
    this.results.set(key, data instanceof Float32Array ? data : bytesToF32(dtype, data.slice()));
  }

  time(key: string, microseconds: number): void {
    if (this.times.has(key)) throw new Error(`${key} was timed twice`);
    this.times.set(key, microseconds);
  }

  notMeasured(entry: NotMeasured): void {
    this.missing.push(entry);
  }

  get(key: string): Float32Array {
    const found = this.results.get(key);
    if (!found) throw new Error(`no result of ${key}`);
    return found;
  }
}

export const FREE: RunMode = { kind: 'free' };

export interface Scene {
  readonly graph: Graph;
  readonly weights?: WeightSource;
  readonly captured: Checkpoints;
  readonly mode?: GpuRunRequest['mode'];
}

/** The part of a lane that tests need; in-memory traces are no files with tokens. */
export interface Runner {
  begin(): { run(request: GpuRunRequest): Promise<void>; dispose(): Promise<void> };
}

/** Runs a single graph. */
export async function runOn(lane: Runner, request: GpuRunRequest): Promise<void> {
  const sequence = lane.begin();
  await sequence.run(request).finally(() => sequence.dispose());
}

export async function runOnGpu(lane: Runner, scene: Scene, control = silent()): Promise<CollectingSink> {
  const { graph, captured, weights = weightsOf({}), mode = FREE } = scene;
  const sink = new CollectingSink();
  await runOn(lane, { graph, weights, captured, mode, sink, control });
  return sink;
}

/** The same on the exact CPU reference. */
export async function runOnCpu(scene: Scene): Promise<CollectingSink> {
  const { graph, captured, weights = weightsOf({}), mode = FREE } = scene;
  const sink = new CollectingSink();
  await executeGraph(
    { graph, weights, captured, mode, control: silent() },
    {
      arithmetics: ['exact'],
      engine: createInlineEngine(),
      onNode: ({ tensor, results }) => sink.write(tensor.key, 'F32', tensor.ne, results.exact),
      onNotMeasured: (tensor, reason) => sink.notMeasured({ node: tensor.key, op: tensor.kind, reason }),
    },
  );
  return sink;
}

/** Σ(a−b)²/Σb²; NaN where only one of the two is NaN. */
export function nmse(values: Float32Array, reference: Float32Array): number {
  if (values.length !== reference.length) return Infinity;
  let error = 0;
  let energy = 0;
  for (let i = 0; i < values.length; i++) {
    const a = values[i]!;
    const b = reference[i]!;
    if (Number.isNaN(a) && Number.isNaN(b)) continue;
    error += (a - b) ** 2;
    energy += b * b;
  }
  return error === 0 ? 0 : error / energy;
}
