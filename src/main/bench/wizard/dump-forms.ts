/** Dumps of right engines that do not look like llama.cpp's graph: parts fused, rows left out, scales at other places. */
import { f32FromBits } from '../../../shared/base/float-bits';
import type { Graph, GraphTensor } from '../../../shared/graph/graph';
import { memoryOwner, tensorOf } from '../../../shared/graph/graph';
import type { TraceSource } from '../../../shared/trace/trace';
import type { DumpStyle } from './engine-run';
import type { Mutation } from './plant';
import type { Random } from './random';

/** What engines compute in one kernel, so that nothing inside is there to be dumped. */
const FUSIONS: Readonly<Record<string, (n: GraphTensor) => boolean>> = {
  attention: (n) => /^(kq|kq_soft_max|kqv)-\d/.test(n.name),
  norms: (n) => n.kind === 'RMS_NORM' || n.kind === 'NORM',
  'feed-forward': (n) => /^ffn_(gate|up|swiglu|geglu)-\d/.test(n.name),
  'Q, K and V': (n) => n.kind === 'MUL_MAT' && /^[QKV]cur-\d/.test(n.name),
};

export function fused(random: Random, isDumped: DumpStyle['keeps']): Partial<DumpStyle> {
  const names = random.sample(Object.keys(FUSIONS), random.integer(1, 3));
  return { keeps: (n) => isDumped(n) && !names.some((name) => FUSIONS[name]?.(n)), note: `fused: ${names.join(', ')}` };
}

/** From the last layer's attention on only the last token is computed: nobody asks for more. */
export function lastRows(graph: Graph): Partial<DumpStyle> | undefined {
  const keys = graph.order.map((id) => tensorOf(graph, id));
  const from = keys.findLastIndex((n) => /^kqv_out-\d/.test(n.name));
  const output = keys.find((n) => n.key === 'result_output');
  if (from < 0 || !output) return undefined;
  const tokens = output.ne[1];
  const late = new Set(keys.slice(from).map((n) => n.key));
  return {
    note: 'the last token from the last attention on',
    asDumped: ({ key, ne }, values) => {
      const along = ne.findLastIndex((n) => n > 1);
      if (!late.has(key) || along < 1 || ne[along] !== tokens) return undefined;
      const [n0, n1, n2, n3] = ne.map((n, d) => (d === along ? 1 : n));
      return { ne: [n0 ?? 1, n1 ?? 1, n2 ?? 1, n3 ?? 1], values: values.slice(values.length - values.length / tokens) };
    },
  };
}

/** Scores below this leave every soft-max as if they were zero: no dump shows then whether they were scaled twice. */
const LEAST_SCORE = 1e-3;

/**
 * The soft-max's scale in Q already: what lies between holds scaled numbers. Undefined where soft-max has none, or where
 * scores are so small that it makes no difference.
 */
export function foldedScales(graph: Graph, random: Random, captured: TraceSource): Partial<DumpStyle> | undefined {
  const factors = new Map<string, number>();
  const withQ = random.chance(0.5);
  for (const id of graph.order) {
    const softMax = tensorOf(graph, id);
    const scale = f32FromBits(softMax.opParams[0] ?? 0);
    const kq = softMax.kind === 'SOFT_MAX' ? sourceOf(graph, softMax, 0) : undefined;
    if (kq?.kind !== 'MUL_MAT' || scale === 1) continue;
    if (captured.readF32(kq.key).every((x) => Math.abs(x * scale) < LEAST_SCORE)) return undefined;
    factors.set(kq.key, scale);
    const q = sourceOf(graph, kq, 1);
    if (withQ && q) factors.set(memoryOwner(graph, q).key, scale);
  }
  if (factors.size === 0) return undefined;
  return {
    note: withQ ? 'Q and kq are scaled' : 'kq is scaled',
    asDumped: ({ key, ne }, values) => {
      const factor = factors.get(key);
      return factor === undefined ? undefined : { ne, values: values.map((x) => x * factor) };
    },
  };
}

/** The experts of each token in another order, from the choice on; undefined where the graph chooses none. */
export function otherExperts(
  graph: Graph,
  how: 'reversed' | 'by number',
): ((node: GraphTensor) => Mutation | undefined) | undefined {
  const used = new Map<string, number>();
  for (const t of graph.tensors) {
    const choice = t.viewSrc === undefined ? undefined : tensorOf(graph, t.viewSrc);
    if (choice && /^ffn_moe_argsort-\d/.test(choice.name) && /topk/.test(t.name)) used.set(choice.key, t.ne[0]);
  }
  if (used.size === 0) return undefined;
  return ({ key }) => {
    const count = used.get(key);
    return count === undefined ? undefined : (turn) => reordered(turn.right(), turn.tensor.ne[0], count, how);
  };
}

function reordered(rows: Float32Array, width: number, used: number, how: 'reversed' | 'by number'): Float32Array {
  for (let at = 0; at < rows.length; at += width) {
    const first = rows.subarray(at, at + used);
    if (how === 'reversed') first.reverse();
    else first.sort();
  }
  return rows;
}

function sourceOf(graph: Graph, { src }: GraphTensor, index: number): GraphTensor | undefined {
  const id = src[index];
  return id === undefined ? undefined : tensorOf(graph, id);
}
