/** Asks a lane what it makes of one node with chosen inputs, through the same kernels that ran the graph. */
import { silent } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import type { GraphLane } from '../../shared/divergence/lane';
import { runGraph } from '../../shared/divergence/lane';
import { ablatedGraph } from '../../shared/gguf/ablated-weights';
import type { GraphTensor } from '../../shared/graph/graph';
import { elementCount, memoryOwner, tensorOf } from '../../shared/graph/graph';
import { planPart } from '../../shared/graph/part';
import type { Checkpoints } from '../../shared/ops/run-memory';
import { isContiguous } from '../../shared/ops/tensor-shape';
import type { TraceSink, TraceSource } from '../../shared/trace/trace';
import { bytesToF32 } from '../../shared/trace/widen';
import type { WeightView } from '../files/weight-view';
import type { CapturedStep } from './capture-session';
import type { LaneProbe } from './step-judge';

interface ProbeContext {
  readonly lane: GraphLane;
  readonly step: CapturedStep;
  readonly weights: WeightView;
  /** The values of everything else. */
  readonly seed: TraceSource;
  readonly control: JobControl;
}

/** The node alone, on the seed's values but for its source 1. */
export function laneProbe({ lane, step, weights, seed, control }: ProbeContext): LaneProbe {
  const graph = ablatedGraph(step.graph, weights.access.precision);
  return async (node, b) => {
    const source = node.src[1] === undefined ? undefined : tensorOf(graph, node.src[1]);
    const part = planPart(graph, new Set([node.id]));
    const owner = source && memoryOwner(graph, source);
    if (!source || !owner || !part.given.has(owner.id) || !coversOwner(source, owner)) return undefined;
    const results = new Map<string, Float32Array>();
    await runGraph(lane, {
      graph,
      weights,
      captured: step.captured,
      mode: { kind: 'free' },
      sink: collecting(results),
      control: silent(control),
      part: { ...part, values: withValue(seed, owner.key, b) },
    });
    return results.get(node.key);
  };
}

/** Whether all of the owner's values are the source's, in the same order. */
function coversOwner(source: GraphTensor, owner: GraphTensor): boolean {
  return (
    isContiguous(source) &&
    source.viewOffs === 0 &&
    source.type === owner.type &&
    elementCount(source.ne) === elementCount(owner.ne)
  );
}

function withValue(seed: TraceSource, key: string, values: Float32Array): Checkpoints {
  return {
    label: 'chosen inputs',
    entries: new Map<string, { dtype: string; shape: readonly number[] }>([
      ...seed.entries,
      [key, { dtype: 'F32', shape: [values.length] }],
    ]),
    readF32: (k) => (k === key ? values.slice() : seed.readF32(k)),
    readRaw: (k) => (k === key ? new Uint8Array(values.slice().buffer) : seed.readRaw(k)),
  };
}

function collecting(results: Map<string, Float32Array>): TraceSink {
  return {
    write: (key, dtype, _ne, data) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
      results.set(key, bytesToF32(dtype, bytes));
    },
    time: () => undefined,
    notMeasured: () => undefined,
  };
}
