/** How engines dump: all nodes or some, in which precision. */
import type { Graph, GraphTensor } from '../../../shared/graph/graph';
import { isComputing, layerOf, tensorOf } from '../../../shared/graph/graph';
import type { DumpStyle } from './engine-run';
import type { Random } from './random';

const PRECISIONS = [
  { arithmetic: 'exact', dtype: 'F32', note: 'f32' },
  { arithmetic: 'exact', dtype: 'F32', note: 'f32' },
  { arithmetic: 'ggml', dtype: 'F32', note: 'Q8 activations' },
  { arithmetic: 'f16', dtype: 'F16', note: 'f16' },
] as const;

/** Whole and in f32: hides nothing. */
export function plainStyle(graph: Graph): DumpStyle {
  return { arithmetic: 'exact', dtype: 'F32', keeps: (n) => isComputing(graph, n), note: 'f32' };
}

/** @param dense no dump that has the ends of layers only, whose long stretches take long to look into */
export function drawStyle(random: Random, graph: Graph, dense = false): DumpStyle {
  const precision = random.pick(PRECISIONS);
  const { keeps, note } = drawSubset(random, graph, dense);
  return { ...precision, keeps, note: note === '' ? precision.note : `${precision.note}, ${note}` };
}

/** All nodes, a random part of them, or the ends of layers with a few others. The last node is always dumped. */
function drawSubset(random: Random, graph: Graph, dense: boolean): { keeps: DumpStyle['keeps']; note: string } {
  const nodes = graph.order.map((id) => tensorOf(graph, id)).filter((n) => isComputing(graph, n));
  const last = nodes[nodes.length - 1]?.key ?? '';
  const from = (kept: readonly GraphTensor[], note: string): { keeps: DumpStyle['keeps']; note: string } => {
    const keys = new Set([...kept.map((n) => n.key), last]);
    return { keeps: (n) => keys.has(n.key), note };
  };
  const kind = random.pick(dense ? (['all', 'part'] as const) : (['all', 'all', 'part', 'ends'] as const));
  if (kind === 'all') return from(nodes, '');
  if (kind === 'ends') {
    const kept = nodes.filter(
      (n) => (layerOf(n.name) !== undefined && n.name.startsWith('l_out')) || random.chance(0.15),
    );
    return from(kept, `ends of layers, ${kept.length} of ${nodes.length} nodes`);
  }
  const share = random.between(0.3, 0.7);
  const kept = nodes.filter(() => random.chance(share));
  return from(kept, `${kept.length} of ${nodes.length} nodes`);
}
