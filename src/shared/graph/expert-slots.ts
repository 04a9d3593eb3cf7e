/**
 * Where a graph chooses experts (or groups of them) and what it computes for each: the experts of a token have no order,
 * so engines keep them by score, by number or as they are dispatched.
 */
import type { NodeId } from '../base/brand';
import { defined } from '../base/assert';
import type { Graph, GraphTensor } from './graph';
import { isAlias, isComputing, memoryOwner, tensorOf } from './graph';
import { readersOf } from './readers';

/** In which dimensions of a tensor the chosen ones and the tokens stand. */
export interface SlotAxes {
  readonly slot: number;
  readonly token: number;
}

/** One choice per token of some rows among many. */
export interface Routing {
  /** The ARGSORT or TOP_K that chooses. */
  readonly choice: GraphTensor;
  /** What the others read of it: the first `used` of each row. A view of the choice, or itself. */
  readonly ids: GraphTensor;
  readonly used: number;
  readonly tokens: number;
  /** Computing nodes with a slot per chosen one, in graph order. */
  readonly slots: readonly { readonly node: GraphTensor; readonly axes: SlotAxes }[];
}

const known = new WeakMap<Graph, readonly Routing[]>();

/** Every choice of the graph whose order nobody reads, in graph order. */
export function routingsOf(graph: Graph): readonly Routing[] {
  let routings = known.get(graph);
  if (!routings) {
    routings = graph.order.flatMap((id) => routingAt(graph, tensorOf(graph, id)) ?? []);
    known.set(graph, routings);
  }
  return routings;
}

/** How many first indices of each row are read, in any order; undefined where the order counts. */
export function unorderedIndices(graph: Graph, node: GraphTensor): number | undefined {
  return routingsOf(graph).find((r) => r.choice.id === node.id)?.used;
}

/** Which source of an op holds row numbers. */
const INDEX_SOURCE: Partial<Record<GraphTensor['kind'], number>> = {
  GET_ROWS: 1,
  SET_ROWS: 1,
  MUL_MAT_ID: 2,
  ADD_ID: 2,
};

function routingAt(graph: Graph, choice: GraphTensor): Routing | undefined {
  if (choice.kind !== 'ARGSORT' && choice.kind !== 'TOP_K') return undefined;
  const readers = readersOf(graph, choice);
  const ids = readers.map((reader) => indicesOf(graph, reader, choice));
  const [first] = ids;
  if (!first || ids.some((t) => !t || t.ne[0] !== first.ne[0])) return undefined;
  const [used, tokens, groups] = first.ne;
  if (tokens !== choice.ne[1] || groups !== 1) return undefined;
  return { choice, ids: first, used, tokens, slots: slotsOf(graph, choice, used, tokens) };
}

/** The first indices of each row, where the reader takes them for row numbers and nothing else. */
function indicesOf(graph: Graph, reader: GraphTensor, choice: GraphTensor): GraphTensor | undefined {
  const sources = reader.src.map((id) => (id === undefined ? undefined : tensorOf(graph, id)));
  const at = sources.flatMap((t, index) => (t && memoryOwner(graph, t).id === choice.id ? [index] : []));
  const [index] = at;
  const ids = index === undefined ? undefined : sources[index];
  if (!ids || at.length !== 1 || INDEX_SOURCE[reader.kind] !== index) return undefined;
  return ids.viewOffs === 0 && ids.nb[0] === choice.nb[0] && ids.nb[1] === choice.nb[1] ? ids : undefined;
}

/** Ops that leave every element, or every row of what they compute, where it was. */
const KEEPS_PLACES: ReadonlySet<string> = new Set<GraphTensor['op']>([
  'ADD',
  'ADD_ID',
  'SUB',
  'MUL',
  'DIV',
  'SQR',
  'SQRT',
  'LOG',
  'SCALE',
  'CLAMP',
  'UNARY',
  'GLU',
  'CONT',
  'CPY',
  'DUP',
  'REPEAT',
  'NORM',
  'RMS_NORM',
  'L2_NORM',
  'SOFT_MAX',
]);

function slotsOf(graph: Graph, choice: GraphTensor, used: number, tokens: number): Routing['slots'] {
  const axes = new Map<NodeId, SlotAxes>();
  const found: { node: GraphTensor; axes: SlotAxes }[] = [];
  for (const id of graph.order) {
    const t = tensorOf(graph, id);
    const own = indicesOf(graph, t, choice) && t.kind !== 'SET_ROWS' ? { slot: 1, token: 2 } : carried(graph, t, axes);
    if (!own || t.ne[own.slot] !== used || (tokens > 1 && t.ne[own.token] !== tokens)) continue;
    axes.set(id, own);
    if (isComputing(graph, t)) found.push({ node: t, axes: own });
  }
  return found;
}

/** The axes that a tensor has from what it reads. */
function carried(graph: Graph, t: GraphTensor, axes: ReadonlyMap<NodeId, SlotAxes>): SlotAxes | undefined {
  for (const [index, id] of t.src.entries()) {
    const of = id === undefined ? undefined : axes.get(id);
    if (id === undefined || !of) continue;
    const source = tensorOf(graph, id);
    if (isAlias(t)) return throughView(source, of, t);
    // each column of B is multiplied on its own
    if (t.op === 'MUL_MAT' || t.op === 'MUL_MAT_ID') return index === 1 && of.slot > 0 ? of : undefined;
    if (KEEPS_PLACES.has(t.op)) return of;
    if (t.op === 'SUM_ROWS' || t.op === 'MEAN') return of.slot > 0 ? of : undefined;
  }
  return undefined;
}

/** A dimension of a view is that of its source with the same stride and extent. */
function throughView(source: GraphTensor, { slot, token }: SlotAxes, view: GraphTensor): SlotAxes | undefined {
  const at = (dim: number): number =>
    [0, 1, 2, 3].find((d) => view.nb[d] === source.nb[dim] && view.ne[d] === source.ne[dim]) ?? -1;
  const [s, t] = [at(slot), source.ne[token] === 1 ? Math.min(slot + 1, 3) : at(token)];
  return s < 0 || t < 0 ? undefined : { slot: s, token: t };
}

/**
 * The values of a slot node with the slots of each token in another order.
 * @param from slot of `values` that comes to this slot of this token
 */
export function permuteSlots(
  values: Float32Array,
  node: GraphTensor,
  { slot, token }: SlotAxes,
  from: (token: number, slot: number) => number,
): Float32Array<ArrayBuffer> {
  const strides = [1, node.ne[0], node.ne[0] * node.ne[1], node.ne[0] * node.ne[1] * node.ne[2]];
  const [step, width] = [defined(strides[slot], 'stride of slots'), defined(node.ne[slot], 'slots')];
  const [row, rows] = [defined(strides[token], 'stride of tokens'), defined(node.ne[token], 'tokens')];
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const s = Math.floor(i / step) % width;
    const t = Math.floor(i / row) % rows;
    out[i] = values[i + (from(t, s) - s) * step]!;
  }
  return out;
}
