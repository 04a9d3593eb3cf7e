import type { JobControl } from '../base/progress';
import type { WeightSource } from '../gguf/model-source';
import type { Graph } from '../graph/graph';
export type { Arithmetic } from '../ops/arithmetic';
import type { PartialRun } from '../ops/executor';
import type { TraceSink, TraceSource } from '../trace/trace';

/**
 * Where a node's inputs come from.
 * - `free`: the lane's own intermediate results (inherited error shows).
 * - `seeded`: after each node its result is replaced by the seed trace's checkpoint where there is one, so every node
 *   runs on the seed's values and only its own error shows (local error). State writes run on the seeded values too.
 */
export type RunMode = { readonly kind: 'free' } | { readonly kind: 'seeded'; readonly seed: TraceSource };

/** One run of a captured graph by a lane that can execute it. */
export interface RunRequest {
  readonly graph: Graph;
  readonly weights: WeightSource;
  /** The captured trace: data of `input` leaves, and values for nodes that the lane cannot compute. */
  readonly captured: TraceSource;
  readonly mode: RunMode;
  /** Receives every computing node's own result (before seeding). */
  readonly sink: TraceSink;
  readonly control: JobControl;
  /** Runs only a part of the graph, and reads the rest's values from elsewhere; the whole graph when absent. */
  readonly part?: PartialRun;
}

/** One executor of the whole graph. */
export interface GraphLane {
  /** As the user writes it: `reference`, `webgpu`, `webgpu@DIR`. */
  readonly label: string;
  /** Adapter, kernel set, threads: goes into the trace's provenance. */
  readonly provenance: Readonly<Record<string, string>>;
  /** Starts with states of zeros. */
  begin(): LaneSequence;
  dispose(): Promise<void>;
}

/**
 * Runs of one lane that share its states (KV cache, recurrent state): the prompt's graph, then one graph per decode
 * step. A run that failed or was cancelled ends the sequence. The owner disposes it before the lane.
 */
export interface LaneSequence {
  run(request: RunRequest): Promise<void>;
  dispose(): Promise<void>;
}

/** Runs a single graph. */
export async function runGraph(lane: Pick<GraphLane, 'begin'>, request: RunRequest): Promise<void> {
  const sequence = lane.begin();
  try {
    await sequence.run(request);
  } finally {
    await sequence.dispose();
  }
}
