/**
 * What a node makes of inputs that are NaN or infinite already. Whoever gave it those is to blame, not the node: what
 * follows from them is not judged. What is not fed by them still is.
 */
import type { NodeId } from '../base/brand';
import type { SummedSource } from '../compare/cancellation';
import type { OpKind } from '../graph/ggml-op';
import { GGML_GLU_OPS, GGML_UNARY_OPS, isMatMul } from '../graph/ggml-op';
import type { Dims, Graph, GraphTensor } from '../graph/graph';
import { elementCount, tensorOf } from '../graph/graph';
import { computingProducers } from '../graph/producers';

/** A node's result and what it was computed from. */
export interface FedNode {
  readonly tensor: GraphTensor;
  readonly exact: Float32Array;
  readonly mask?: Uint8Array;
  /** Nodes since the last checkpoints, this one included. */
  readonly stretchLength: number;
  /** Source `index` as exact arithmetic read it; undefined where it is not to be read. */
  readonly source: (index: number) => SummedSource | undefined;
}

/** Result [i0, i1, i2, i3] depends on the same element of every source, repeated where that is smaller. */
const POINTWISE: ReadonlySet<OpKind> = new Set<OpKind>([
  ...([
    'ADD',
    'ADD1',
    'SUB',
    'MUL',
    'DIV',
    'SCALE',
    'CLAMP',
    'LEAKY_RELU',
    'SQR',
    'SQRT',
    'LOG',
    'SIN',
    'COS',
  ] as const),
  ...GGML_UNARY_OPS,
]);

/** Row [i1, i2, i3] of the result depends on that row of every source. */
const BY_ROW: ReadonlySet<OpKind> = new Set<OpKind>([
  ...(['NORM', 'RMS_NORM', 'L2_NORM', 'SOFT_MAX', 'ROPE', 'ROPE_BACK', 'SUM_ROWS', 'MEAN', 'CUMSUM'] as const),
  ...(['ARGSORT', 'TOP_K'] as const),
  ...GGML_GLU_OPS,
]);

/** Values are moved as they are: what goes in must come out. */
const MOVES: ReadonlySet<OpKind> = new Set<OpKind>([
  ...(['GET_ROWS', 'CONT', 'CPY', 'DUP', 'SET_ROWS', 'REPEAT', 'CONCAT', 'PAD', 'ROLL', 'SET'] as const),
]);

/** NaN in must be NaN out, in one operation on one element: only Inf − Inf and 0 × Inf depend on what was fused. */
const STRICT: ReadonlySet<OpKind> = new Set<OpKind>(['ADD', 'ADD1', 'SUB', 'MUL', 'DIV', 'SCALE']);

/** −Inf is a number like others here: how keys and experts are masked. */
const MASKED: ReadonlySet<OpKind> = new Set<OpKind>([
  ...(['SOFT_MAX', 'FLASH_ATTN_EXT', 'ARGSORT', 'TOP_K', 'ARGMAX', 'ADD', 'SUB'] as const),
  ...MOVES,
]);

/** Looks at the nodes of one graph in their order. */
export class NonFiniteInputs {
  /** Nodes without a checkpoint whose right result may be finite where an engine's is not, or the reverse. */
  private readonly doubtful = new Set<NodeId>();
  private readonly producers: ReadonlyMap<NodeId, readonly NodeId[]>;
  /** Whether anything was not finite so far: before that, there is nothing to follow. */
  private seen = false;

  constructor(private readonly graph: Graph) {
    this.producers = computingProducers(graph);
  }

  /** Takes note of values that a candidate dumped. */
  see(values: Float32Array): void {
    this.seen ||= values.some((x) => x - x !== 0);
  }

  /** Follows NaN through a node that has no checkpoint. */
  pass(node: FedNode): void {
    const { tensor, exact } = node;
    if (!this.seen) return;
    const fed = this.readsDoubtful(tensor) ? 'all' : fedElements(this.graph, node);
    // what swallows NaN here (a clamp, a maximum, an order) may not do so there
    if (fed === 'all' || fed?.some((f, i) => f === 1 && Number.isFinite(exact[i]))) this.doubtful.add(tensor.id);
  }

  /**
   * Judges a node, and once more without what is fed by NaN or Inf where it would be blamed.
   * @returns what was found, with the mask that it was found under where that is not the node's own; undefined where
   * nothing is left to judge
   */
  apart<E extends FedNode & { readonly candidate: Float32Array }, T>(
    node: E,
    judge: (node: E) => T,
    isFine: (found: T) => boolean,
  ): { readonly found: T; readonly mask?: Uint8Array } | undefined {
    const found = judge(node);
    // NaN that is right, throughout, is no comparison either
    if (isFine(found)) return node.candidate.length > 0 && node.candidate.every(Number.isNaN) ? undefined : { found };
    const mask = this.soundMask(node);
    if (!mask) return { found };
    return mask.includes(1) ? { found: judge({ ...node, mask }), mask } : undefined;
  }

  /**
   * The node's mask without what is fed by NaN or Inf; undefined where nothing is. It takes a pass over the sources, so
   * it is asked for only where it may decide.
   */
  private soundMask(node: FedNode): Uint8Array | undefined {
    const { tensor, exact, mask } = node;
    const fed = this.readsDoubtful(tensor) ? 'all' : fedElements(this.graph, node);
    if (fed === undefined) return undefined;
    if (fed === 'all') return new Uint8Array(exact.length);
    return fed.some((f) => f === 1) ? fed.map((f, i) => (f === 1 || mask?.[i] === 0 ? 0 : 1)) : undefined;
  }

  private readsDoubtful(tensor: GraphTensor): boolean {
    return (this.producers.get(tensor.id) ?? []).some((id) => this.doubtful.has(id));
  }
}

export const FED = 'all of it follows from NaN or Inf in its inputs or weights: it is not blamed for them';

/** 1 for every element of the result that may be otherwise in a right engine; undefined where none is. */
function fedElements(graph: Graph, node: FedNode): Uint8Array | 'all' | undefined {
  const { kind } = node.tensor;
  if (MOVES.has(kind)) return node.stretchLength > 1 ? whereExact(node, (x) => isOdd(kind, x)) : undefined;
  if (isMatMul(kind)) return ofMatMul(graph, node);
  const fed = new Uint8Array(node.exact.length);
  for (const { ne, values } of sourcesOf(graph, node)) {
    if (!values.some((x) => isOdd(kind, x))) continue;
    if (POINTWISE.has(kind))
      eachElement(node.tensor.ne, (at, i) => isOdd(kind, values[place(ne, i)]!) && (fed[at] = 1));
    else if (BY_ROW.has(kind)) markRows(fed, node.tensor.ne, ne, oddRows(kind, values, ne[0]));
    else return 'all';
  }
  if (!fed.includes(1)) return undefined;
  return STRICT.has(kind) && node.stretchLength === 1 ? whereStrict(graph, node, fed) : fed;
}

/** Of one operation on one element only what Inf − Inf and 0 × Inf give is open; NaN in is NaN out. */
function whereStrict(graph: Graph, node: FedNode, fed: Uint8Array): Uint8Array {
  const open = fed.map((f, i) => (f === 1 && Number.isNaN(node.exact[i]) ? 1 : 0));
  for (const { ne, values } of sourcesOf(graph, node)) {
    eachElement(node.tensor.ne, (at, i) => Number.isNaN(values[place(ne, i)]) && (open[at] = 0));
  }
  return open;
}

/** A result depends on a row of A and one of B. A weight is not read: what it makes NaN on finite inputs, it holds. */
function ofMatMul(graph: Graph, node: FedNode): Uint8Array | undefined {
  const { tensor, exact } = node;
  const [a, b] = [0, 1].map((index) => sourceAt(graph, node, index));
  const fed =
    whereExact(node, (x) => !Number.isFinite(x) && isWeight(graph, tensor, 0)) ?? new Uint8Array(exact.length);
  if (b) {
    const odd = oddRows(tensor.kind, b.values, b.ne[0]);
    if (tensor.kind === 'MUL_MAT') markRows(fed, tensor.ne, [1, b.ne[1], b.ne[2], b.ne[3]], odd);
    // [rows, experts of a token, tokens]: B has one row for all experts of a token, or one for each
    else markRows(fed, tensor.ne, [1, b.ne[1], b.ne[2], 1], odd);
  }
  if (a && !isWeight(graph, tensor, 0) && tensor.kind === 'MUL_MAT') {
    const odd = oddRows(tensor.kind, a.values, a.ne[0]);
    const [, rows, n2, n3] = a.ne;
    const [ratio2, ratio3] = [tensor.ne[2] / n2, tensor.ne[3] / n3];
    eachElement(tensor.ne, (at, [i0, , i2, i3]) => {
      const row = (Math.floor(i3 / ratio3) * n2 + Math.floor(i2 / ratio2)) * rows + i0;
      if (odd[row] === 1) fed[at] = 1;
    });
  }
  return fed.includes(1) ? fed : undefined;
}

function isWeight(graph: Graph, node: GraphTensor, index: number): boolean {
  const id = node.src[index];
  return id !== undefined && tensorOf(graph, id).role === 'weight';
}

/** Sources that hold floats; the weight of a mat-mul and quantized ones are left out. */
function sourcesOf(graph: Graph, node: FedNode): readonly SummedSource[] {
  return node.tensor.src.flatMap((_, index) => sourceAt(graph, node, index) ?? []);
}

function sourceAt(graph: Graph, { tensor, source }: FedNode, index: number): SummedSource | undefined {
  const id = tensor.src[index];
  if (id === undefined) return undefined;
  const { type, role } = tensorOf(graph, id);
  const isLarge = role === 'weight' && isMatMul(tensor.kind);
  return isLarge || type === 'I32' || type === 'I64' ? undefined : source(index);
}

function isOdd(kind: OpKind, x: number): boolean {
  return x - x !== 0 && !(x === -Infinity && MASKED.has(kind));
}

function oddRows(kind: OpKind, values: Float32Array, width: number): Uint8Array {
  const odd = new Uint8Array(values.length / width);
  values.forEach((x, i) => isOdd(kind, x) && (odd[Math.floor(i / width)] = 1));
  return odd;
}

function whereExact({ exact }: FedNode, is: (x: number) => boolean): Uint8Array | undefined {
  const fed = Uint8Array.from(exact, (x) => (is(x) ? 1 : 0));
  return fed.includes(1) ? fed : undefined;
}

/** Marks rows of the result whose row of a source, repeated where that has fewer, is odd. */
function markRows(fed: Uint8Array, ne: Dims, [, r1, r2, r3]: Dims, odd: Uint8Array): void {
  for (let i3 = 0, row = 0; i3 < ne[3]; i3++) {
    for (let i2 = 0; i2 < ne[2]; i2++) {
      for (let i1 = 0; i1 < ne[1]; i1++, row++) {
        if (odd[((i3 % r3) * r2 + (i2 % r2)) * r1 + (i1 % r1)] === 1) fed.fill(1, row * ne[0], (row + 1) * ne[0]);
      }
    }
  }
}

function eachElement(ne: Dims, visit: (at: number, index: Dims) => void): void {
  const count = elementCount(ne);
  for (let at = 0; at < count; at++) {
    const row = Math.floor(at / ne[0]);
    const plane = Math.floor(row / ne[1]);
    visit(at, [at % ne[0], row % ne[1], plane % ne[2], Math.floor(plane / ne[2])]);
  }
}

/** Position of the element that stands for `index` in a tensor that is repeated. */
function place([n0, n1, n2, n3]: Dims, [i0, i1, i2, i3]: Dims): number {
  return (((i3 % n3) * n2 + (i2 % n2)) * n1 + (i1 % n1)) * n0 + (i0 % n0);
}
