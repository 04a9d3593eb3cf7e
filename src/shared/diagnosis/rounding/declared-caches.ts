import type { Precision } from '../../divergence/rounding';
import type { Graph } from '../../graph/graph';
import type { GgmlTypeName } from '../../quant/ggml-type';

const PRECISION: Partial<Readonly<Record<GgmlTypeName, Precision>>> = {
  BF16: 'BF16',
  Q8_0: 'Q8',
  Q5_0: 'Q4',
  Q5_1: 'Q4',
  Q4_0: 'Q4',
  Q4_1: 'Q4',
  IQ4_NL: 'Q4',
};

/** The coarse precisions of the states in an engine's own graph; none where it shows no graph. */
export function declaredCaches(graph: Graph | undefined): ReadonlySet<Precision> {
  const states = (graph?.tensors ?? []).filter((t) => t.role === 'state');
  return new Set(states.flatMap((t) => PRECISION[t.type] ?? []));
}
