/** How engines dump: all nodes or some, in which precision. */
import type { Graph, GraphTensor } from '../../../shared/graph/graph';
import { isComputing, layerOf, tensorOf } from '../../../shared/graph/graph';
import type { EngineKind } from './engine-kinds';
import { ENGINES } from './engine-kinds';
import type { DumpStyle } from './engine-run';
import type { Random } from './random';

/** Engines that bugs are planted in: a third rounds nothing, the others are those that people write. */
const DRAWN: readonly EngineKind[] = [
  ...[ENGINES.f32, ENGINES.f32, ENGINES.f32],
  ...[ENGINES.f16, ENGINES.f16, ENGINES.bf16],
  ...[ENGINES.ggml, ENGINES.int8Rows, ENGINES.int8Blocks],
];

/** Whole and in f32: hides nothing. */
export function plainStyle(graph: Graph): DumpStyle {
  return wholeStyle(ENGINES.f32, graph);
}

/** Every node of an engine. */
export function wholeStyle(engine: EngineKind, graph: Graph): DumpStyle {
  return styleOf(engine, (n) => isComputing(graph, n), '');
}

export function styleOf(engine: EngineKind, keeps: DumpStyle['keeps'], subset: string): DumpStyle {
  const { arithmetic, dtype, rounds, name, precision } = engine;
  return { arithmetic, dtype, rounds, precision, keeps, note: [name, subset].filter((text) => text !== '').join(', ') };
}

/** @param dense no dump that has the ends of layers only, whose long stretches take long to look into */
export function drawStyle(random: Random, graph: Graph, dense = false): DumpStyle {
  const engine = random.pick(DRAWN);
  const { keeps, note } = drawSubset(random, graph, dense);
  return styleOf(engine, keeps, note);
}

/** The ends of layers and the logits, as a first dump has them. */
export function layerEnds(graph: Graph): DumpStyle['keeps'] {
  const nodes = graph.order.map((id) => tensorOf(graph, id)).filter((n) => isComputing(graph, n));
  const last = nodes[nodes.length - 1]?.key;
  return (n) => n.key === last || (layerOf(n.name) !== undefined && n.name.startsWith('l_out'));
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
