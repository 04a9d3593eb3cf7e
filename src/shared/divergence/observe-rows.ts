/** Compares two ways to run the same tokens, row by row: what `--observe` judges by. */
import { nmseOf } from '../compare/metrics';
import { MARGIN, OBSERVED_MAX_NMSE } from '../compare/tolerance';
import type { Graph, GraphTensor } from '../graph/graph';
import { isComputing, tensorOf } from '../graph/graph';
import type { TraceSource } from '../trace/trace';
import { lastNode } from './assemble-verdict';

/** One graph of a run, as a lane computed it and as llama.cpp did. */
export interface ObservedStep {
  readonly graph: Graph;
  readonly tokens: number;
  readonly lane: TraceSource;
  readonly llama: TraceSource;
}

/** A token that two runs evaluate: as number `row` of one graph, and as the last of the other. */
export interface RowPair {
  readonly many: ObservedStep;
  readonly row: number;
  readonly last: ObservedStep;
}

export interface RowComparison {
  /** The largest NMSE at the last node over all pairs, and up to where it is rounding. */
  readonly nmse: number;
  readonly limit: number;
  /** The first node that differs by more than rounding; undefined where none does. */
  readonly node: string | undefined;
}

/** Undefined where no last node can be compared. */
export function compareRows(pairs: readonly RowPair[]): RowComparison | undefined {
  let worst: (RowComparison & { readonly pair: RowPair }) | undefined;
  for (const pair of pairs) {
    const end = lastNode(pair.last.graph);
    const distance = end && distanceAt(pair, end.key);
    if (distance && (!worst || exceeds(distance, worst))) worst = { ...distance, node: undefined, pair };
  }
  if (!worst) return undefined;
  const { nmse, limit, pair } = worst;
  return { nmse, limit, node: nmse <= limit ? undefined : firstApart(pair) };
}

interface Distance {
  readonly nmse: number;
  readonly limit: number;
}

function exceeds(a: Distance, b: Distance): boolean {
  return !(a.nmse / a.limit <= b.nmse / b.limit);
}

function firstApart(pair: RowPair): string | undefined {
  const { graph } = pair.last;
  for (const id of graph.order) {
    const { key } = tensorOf(graph, id);
    const distance = distanceAt(pair, key);
    if (distance && !(distance.nmse <= distance.limit)) return key;
  }
  return undefined;
}

/** How far the lane's two ways are apart at a node; undefined where it lacks one or the rows do not match. */
function distanceAt(pair: RowPair, key: string): Distance | undefined {
  const lane = rowDistance(pair, key, (s) => s.lane);
  if (lane === undefined) return undefined;
  const llama = rowDistance(pair, key, (s) => s.llama) ?? 0;
  const own = Number.isFinite(llama) ? llama : 0;
  return { nmse: lane, limit: Math.max(OBSERVED_MAX_NMSE, MARGIN.node * own) };
}

function rowDistance(
  { many, row, last }: RowPair,
  key: string,
  of: (step: ObservedStep) => TraceSource,
): number | undefined {
  const [a, b] = [rowAt(many, row, key, of(many), last), rowAt(last, last.tokens - 1, key, of(last), many)];
  return a && b && a.length === b.length ? nmseOf(a, b) : undefined;
}

/** One token's values at a node. The dimension of tokens is the one in which the two graphs' shapes differ. */
function rowAt(
  step: ObservedStep,
  row: number,
  key: string,
  trace: TraceSource,
  other: ObservedStep,
): Float32Array | undefined {
  const node = nodeOf(step.graph, key);
  const twin = nodeOf(other.graph, key);
  if (!node || !twin || !trace.entries.has(key)) return undefined;
  const apart = [0, 1, 2, 3].filter((d) => node.ne[d] !== twin.ne[d]);
  const [dim] = apart;
  if (dim === undefined && step.tokens === 1 && other.tokens === 1) return trace.readF32(key);
  if (apart.length !== 1 || dim === undefined || node.ne[dim] !== step.tokens) return undefined;
  if (twin.ne[dim] !== other.tokens) return undefined;
  const inner = node.ne.slice(0, dim).reduce((x, y) => x * y, 1);
  const outer = node.ne.slice(dim + 1).reduce((x, y) => x * y, 1);
  const values = trace.readF32(key);
  const out = new Float32Array(inner * outer);
  for (let o = 0; o < outer; o++) {
    const from = (o * step.tokens + row) * inner;
    out.set(values.subarray(from, from + inner), o * inner);
  }
  return out;
}

const byKey = new WeakMap<Graph, ReadonlyMap<string, GraphTensor>>();

function nodeOf(graph: Graph, key: string): GraphTensor | undefined {
  let nodes = byKey.get(graph);
  if (!nodes) {
    nodes = new Map(graph.tensors.filter((t) => isComputing(graph, t)).map((t) => [t.key, t]));
    byKey.set(graph, nodes);
  }
  return nodes.get(key);
}
