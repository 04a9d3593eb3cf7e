import type {
  LaneCheckpoint,
  LaneSummary,
  NodeRow,
  RunSummary,
  TensorMetrics,
} from '../../src/shared/compare/comparison';
import type { TensorStats } from '../../src/shared/trace/trace';

const stats: TensorStats = { count: 8, min: -1, max: 1, mean: 0, std: 1, l2: 2, sum: 0, nan: 0, inf: 0, first: [0] };

/** A measured checkpoint with this error; of the reference lane when there is none. */
export function measured(nmse?: number, microseconds?: number): LaneCheckpoint {
  const time = microseconds === undefined ? {} : { microseconds };
  if (nmse === undefined) return { status: 'measured', stats, ...time };
  const metrics: TensorMetrics = {
    count: 8,
    nmse,
    cosine: 1,
    maxAbs: 0,
    worst: { index: [0, 0, 0, 0], reference: 0, candidate: 0 },
    maxUlp: 0,
    nonFinite: undefined,
    argmaxFlips: 0,
  };
  return { status: 'measured', stats, metrics, ...time };
}

export const missing: LaneCheckpoint = { status: 'not-measured', reason: 'not measured: SSM_SCAN' };

export function nodeRow(key: string, layer: number | undefined, ...lanes: LaneCheckpoint[]): NodeRow {
  return { key, layer, kind: 'MUL_MAT', ne: [8, 1, 1, 1], weight: undefined, lanes };
}

/** One graph of a run on lanes of these labels. */
export function run(labels: readonly string[], nodes: readonly NodeRow[], step = 0): RunSummary {
  const lanes = labels.map((label): LaneSummary => {
    return { label, engine: label, provenance: {}, top: [], kld: undefined, nanLogits: 0, microseconds: 0 };
  });
  return { runId: '1', step, model: '/m.gguf', tokens: [1], pieces: ['a'], lanes, nodes };
}
