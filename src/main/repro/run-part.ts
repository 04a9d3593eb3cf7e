/** Runs a repro's part on a lane that executes graphs. */
import { QuarrelError } from '../../shared/base/errors';
import { silent } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import type { GraphLane } from '../../shared/divergence/lane';
import { runGraph } from '../../shared/divergence/lane';
import type { Graph } from '../../shared/graph/graph';
import type { TraceEntry, TraceSink, TraceSource } from '../../shared/trace/trace';
import { shapeOfNe } from '../../shared/trace/safetensors';
import { bytesToF32 } from '../../shared/trace/widen';
import type { Repro } from './read-repro';

/** The bad node's result on that lane, all elements. Throws QuarrelError where the lane cannot compute it. */
export async function runPart(repro: Repro, lane: GraphLane, control: JobControl): Promise<Float32Array> {
  const { request, part, document } = repro;
  const captured = withStates(request.captured, request.graph, repro.states);
  let result: Float32Array | undefined;
  let reason = 'the lane gives no result';
  const sink: TraceSink = {
    write: (key, dtype, _ne, data) => {
      if (key !== document.node) return;
      result = bytesToF32(dtype, new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice());
    },
    time: () => undefined,
    notMeasured: (entry) => {
      if (part.nodes.some((t) => t.key === entry.node)) ({ reason } = entry);
    },
  };
  await runGraph(lane, {
    graph: startingFrom(request.graph, repro.states),
    weights: repro.weights,
    captured,
    mode: { kind: 'free' },
    sink,
    control: silent(control),
    part: { runs: part.runs, given: part.given, values: captured },
  });
  if (!result) throw new QuarrelError(`${lane.label}: ${document.node}: ${reason}`);
  return result;
}

/** Lanes begin with states of zeros: a state that holds something is an input of this graph. */
function startingFrom(graph: Graph, states: ReadonlyMap<string, Uint8Array>): Graph {
  if (states.size === 0) return graph;
  return { ...graph, tensors: graph.tensors.map((t) => (states.has(t.key) ? { ...t, role: 'input' } : t)) };
}

function withStates(captured: TraceSource, graph: Graph, states: ReadonlyMap<string, Uint8Array>): TraceSource {
  if (states.size === 0) return captured;
  const entries = new Map<string, TraceEntry>(captured.entries);
  for (const { key, ne, type } of graph.tensors) {
    if (states.has(key)) entries.set(key, { key, dtype: type as TraceEntry['dtype'], shape: shapeOfNe(ne) });
  }
  const own = (key: string): Uint8Array<ArrayBuffer> | undefined => states.get(key)?.slice();
  return {
    ...captured,
    entries,
    readF32: (key) => captured.readF32(key),
    readRaw: (key) => own(key) ?? captured.readRaw(key),
  };
}
