import type { NodeId } from '../base/brand';
import type { GgmlTypeName } from '../quant/ggml-type';
import type { GgmlOp, OpKind } from './ggml-op';

/** One number per dimension, ggml order: index 0 is fastest. */
export type Dims = readonly [number, number, number, number];

/**
 * What a tensor is in the captured graph.
 * - `node`: an op computes it.
 * - `weight`: leaf whose data lie in the model file under `name`.
 * - `input`: leaf that llama.cpp fills per run (tokens, positions, masks, KV indices …); the trace holds its data.
 * - `state`: leaf that outlives a run (KV cache, recurrent state); zero-filled before the first run.
 */
export type TensorRole = 'node' | 'weight' | 'input' | 'state';

/** One tensor of llama.cpp's graph, as its evaluation callback showed it. */
export interface GraphTensor {
  readonly id: NodeId;
  /** As in llama.cpp; several nodes may share one. */
  readonly name: string;
  /**
   * Key in a trace, unique in the graph. Computing nodes: `name`, or `name#0`, `name#1` … in graph order where
   * several computing nodes share the name. Everything else: `leaf:name` or `view:name` (with `#k` where shared).
   */
  readonly key: string;
  readonly role: TensorRole;
  /** What tells a state apart from others of its name, in every graph of a run; absent where the name does. */
  readonly state?: string;
  /**
   * Name of a value that goes from one graph of a run to later ones: the encoder's output in an encoder-decoder. On a
   * node: it leaves the value behind. On an input: it holds what the node of an earlier graph left.
   */
  readonly carried?: string;
  readonly op: GgmlOp;
  /** `op` with UNARY and GLU resolved to their sub-op. */
  readonly kind: OpKind;
  /** ggml's 16 int32 op parameters, raw. */
  readonly opParams: readonly number[];
  readonly type: GgmlTypeName;
  readonly ne: Dims;
  /** Strides in bytes. */
  readonly nb: Dims;
  readonly src: readonly (NodeId | undefined)[];
  /** The tensor that owns this one's memory, when this is a view (ggml keeps chains flat: never a view itself). */
  readonly viewSrc?: NodeId;
  /** Byte offset into the memory of `viewSrc`; 0 when not a view. */
  readonly viewOffs: number;
}

export interface Graph {
  /** All tensors; `tensors[id].id === id`. */
  readonly tensors: readonly GraphTensor[];
  /** Execution order of the nodes (views included), as llama.cpp ran them. */
  readonly order: readonly NodeId[];
}

const ALIASES: ReadonlySet<GgmlOp> = new Set<GgmlOp>(['NONE', 'VIEW', 'RESHAPE', 'PERMUTE', 'TRANSPOSE']);
const NOT_COMPUTING: ReadonlySet<GgmlOp> = new Set<GgmlOp>([...ALIASES, 'SET_ROWS']);

/**
 * Whether a node has an own result to compare: views, reshapes, permutes, transposes and cache writes (SET_ROWS,
 * CPY into a state tensor) do not count.
 */
export function isComputing(graph: Graph, t: GraphTensor): boolean {
  if (t.role !== 'node' || NOT_COMPUTING.has(t.op)) return false;
  if (t.op === 'CPY' && t.viewSrc !== undefined) return graph.tensors[t.viewSrc]?.role !== 'state';
  return true;
}

/** Whether the node computes nothing: another look at memory that exists. */
export function isAlias(t: GraphTensor): boolean {
  return ALIASES.has(t.op);
}

/** Whether the node writes into a state tensor (KV cache, recurrent state). */
export function isStateWrite(graph: Graph, t: GraphTensor): boolean {
  return (
    (t.op === 'SET_ROWS' || t.op === 'CPY') && t.viewSrc !== undefined && graph.tensors[t.viewSrc]?.role === 'state'
  );
}

/** Under which name a state or a carried value lives on from graph to graph. */
export function stateName(t: GraphTensor): string {
  return t.carried ?? t.state ?? t.name;
}

/** Whether graphs before this one may have left what the tensor holds at first. */
export function isLeftFromBefore(t: GraphTensor): boolean {
  return t.role === 'state' || (t.role === 'input' && t.carried !== undefined);
}

/** Whether what the tensor holds in the end outlives the graph. */
export function outlivesGraph(t: GraphTensor): boolean {
  return t.role === 'state' || (t.role === 'node' && t.carried !== undefined);
}

/** The tensor that owns the memory of `t`: `t` itself unless it is a view. */
export function memoryOwner(graph: Graph, t: GraphTensor): GraphTensor {
  return t.viewSrc === undefined ? t : tensorOf(graph, t.viewSrc);
}

export function tensorOf(graph: Graph, id: NodeId): GraphTensor {
  const t = graph.tensors[id];
  if (!t) throw new RangeError(`no tensor ${id} in a graph of ${graph.tensors.length}`);
  return t;
}

/** The N of a `name-N` node; undefined outside layers. */
export function layerOf(name: string): number | undefined {
  const m = /-(\d+)(?:#\d+)?$/.exec(name);
  return m ? Number(m[1]) : undefined;
}

/** Names that ggml gives to nodes without one. */
const UNNAMED = /^(node_\d+)?$/;
/** KV cache and recurrent state of one layer. */
const STATE_LAYER = /^cache_\w*_l(\d+)$/;

/**
 * The layer of every node: the N of its name, or for one without a name of its own that of the nodes before it.
 * Undefined before the first layer and after the last.
 */
export function layersOf(graph: Graph): ReadonlyMap<NodeId, number | undefined> {
  const layers = new Map<NodeId, number | undefined>();
  let current: number | undefined;
  for (const id of graph.order) {
    current = layerAfter(tensorOf(graph, id).name, current);
    layers.set(id, current);
  }
  return layers;
}

/** The layer that a node of this name belongs to, where the node before it belongs to `current`. */
export function layerAfter(name: string, current: number | undefined): number | undefined {
  // ggml names what is made of a tensor after it: `Kcur-3 (view) (cont)`
  const base = name.split(' (', 1)[0] as string;
  const state = STATE_LAYER.exec(base)?.[1];
  return layerOf(base) ?? (state !== undefined ? Number(state) : UNNAMED.test(base) ? current : undefined);
}

/** Number of elements. */
export function elementCount(ne: Dims): number {
  return ne[0] * ne[1] * ne[2] * ne[3];
}
