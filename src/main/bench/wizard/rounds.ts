/** A node's turn in an engine that rounds: what it reads, what it makes of it. */
import { defined } from '../../../shared/base/assert';
import { QuarrelError } from '../../../shared/base/errors';
import type { Graph, GraphTensor } from '../../../shared/graph/graph';
import { memoryOwner, tensorOf } from '../../../shared/graph/graph';
import type { Arithmetic } from '../../../shared/ops/arithmetic';
import { evaluateNode } from '../../../shared/ops/evaluate-node';
import type { NodeTurn } from '../../../shared/ops/executor';
import type { DecoderFor } from '../../../shared/ops/operand';
import { referenceDecoder } from '../../../shared/ops/operand';
import { QUANT_FORMATS } from '../../../shared/quant/registry';
import type { WeightView } from '../../files/weight-view';
import type { Dot } from './dots';
import { inDoubles } from './dots';
import { setRows } from './engine-values';
import type { Turn } from './plant';
import { multiplied } from './sum-orders';

/** What an engine does beyond an `EngineArithmetic`. */
export interface Rounds {
  /** Source `index` as the node reads it. */
  readonly reads?: (values: Float32Array, width: number, at: { readonly turn: Turn; index: number }) => Float32Array;
  /** A weight's values as the engine holds them once they are decoded. */
  readonly holds?: (values: Float32Array) => Float32Array;
  /** How it adds up the products of a mat-mul. */
  readonly dot?: Dot;
  /** Rows as they are put into a cache. */
  readonly caches?: (rows: Float32Array, width: number) => Float32Array;
  /** Elementary functions, norms and ropes by other formulas; undefined where there is none for this node. */
  readonly formula?: (turn: Turn) => Float32Array | undefined;
}

/** Kinds of nodes that `formula` is asked for. */
const WITH_FORMULAS: ReadonlySet<string> = new Set([
  ...['SOFT_MAX', 'SWIGLU', 'GEGLU', 'TANH', 'SILU', 'RMS_NORM', 'ROPE'],
]);
export const MAT_MULS: ReadonlySet<string> = new Set(['MUL_MAT', 'MUL_MAT_ID']);

/** Whether the engine computes this node otherwise. */
export function isRounded(rounds: Rounds, graph: Graph, tensor: GraphTensor): boolean {
  if (rounds.formula && WITH_FORMULAS.has(tensor.kind)) return true;
  if (tensor.op === 'SET_ROWS') return rounds.caches !== undefined;
  if (MAT_MULS.has(tensor.kind)) return (rounds.reads ?? rounds.holds ?? rounds.dot) !== undefined;
  return tensor.kind === 'GET_ROWS' && rounds.holds !== undefined && isWeight(graph, tensor, 0);
}

export function isWeight(graph: Graph, { src }: GraphTensor, index: number): boolean {
  const id = src[index];
  return id !== undefined && memoryOwner(graph, tensorOf(graph, id)).role === 'weight';
}

/** The turn in an engine that only has an arithmetic. */
export function turnAt(
  graph: Graph,
  weights: WeightView,
  valueOf: (key: string) => Float32Array,
  turn: NodeTurn<Arithmetic>,
): Turn {
  const { tensor, arithmetic } = turn;
  const source = (index: number): Float32Array => {
    const found = turn.source(index);
    if (!found) throw new QuarrelError(`${tensor.key} has no source ${index}`);
    return found;
  };
  const before = (): Float32Array => turn.before();
  const at = { graph, tensor, weights, source, before };
  return {
    ...{ ...at, arithmetic, valueOf, held: (values: Float32Array) => values, dot: inDoubles },
    right: () => resultOf(at, arithmetic),
    exact: () => resultOf(at, 'exact'),
  };
}

/** The same turn in an engine that rounds. */
export function roundedTurn(plain: Turn, rounds: Rounds): Turn {
  const { graph, tensor } = plain;
  const source = (index: number): Float32Array => {
    const values = plain.source(index);
    const width = tensorOf(graph, defined(tensor.src[index], 'a source')).ne[0];
    if (tensor.op === 'SET_ROWS') return index === 0 && rounds.caches ? rounds.caches(values, width) : values;
    return rounds.reads?.(values, width, { turn: plain, index }) ?? values;
  };
  const held = rounds.holds ?? ((values) => values);
  const { dot } = rounds;
  const at: Turn = { ...plain, source, held, dot: dot ?? plain.dot, right: () => right() };
  const right = (): Float32Array => {
    if (dot && tensor.kind === 'MUL_MAT') return multiplied(dot)(at);
    return rounds.formula?.(at) ?? resultOf(at, plain.arithmetic, rounds.holds && decoderFor(rounds.holds));
  };
  return at;
}

type Inputs = Pick<Turn, 'graph' | 'tensor' | 'weights' | 'source' | 'before'>;

function resultOf(
  { graph, tensor, weights, source, before }: Inputs,
  arithmetic: Arithmetic,
  decoder?: DecoderFor,
): Float32Array {
  if (tensor.op === 'SET_ROWS') return setRows(tensor, source(0), source(1), before());
  const sources = tensor.src.map((id, i) => (id === undefined || isWeight(graph, tensor, i) ? undefined : source(i)));
  return evaluateNode(graph, tensor, { sources, weights, ...(decoder ? { decoderFor: decoder } : {}) }, arithmetic);
}

/** The product's decoders, with what an engine makes of their values. */
function decoderFor(held: (values: Float32Array) => Float32Array): DecoderFor {
  return (type) => {
    const decode = referenceDecoder(type);
    const { blockElements } = QUANT_FORMATS[type];
    return (src, srcOffset, blocks, dst, dstOffset) => {
      decode(src, srcOffset, blocks, dst, dstOffset);
      const values = dst.subarray(dstOffset, dstOffset + blocks * blockElements);
      values.set(held(Float32Array.from(values)));
    };
  };
}
