import { QuarrelError } from '../base/errors';
import { f32FromBits } from '../base/float-bits';
import type { OpKind } from '../graph/ggml-op';
import type { Dims } from '../graph/graph';
import type { Arithmetic } from './arithmetic';
import type { ColumnPairs } from './mat-mul-kernel';
import type { Allocate } from './memory';
import type { RowSource, RowTarget } from './operand';
import type { TensorShape } from './tensor-shape';
import { dimsText, isDecodable, isFloat, isIndex, sameExtents } from './tensor-shape';

/** A node as a shape rule sees it: no data. */
export interface OpShape {
  readonly kind: OpKind;
  /** ggml's 16 int32 op parameters, raw. */
  readonly opParams: readonly number[];
  readonly dst: TensorShape;
  readonly src: readonly (TensorShape | undefined)[];
}

/** A node with its data, as a reference computes it. */
export interface OpCall {
  readonly kind: OpKind;
  readonly opParams: readonly number[];
  readonly src: readonly (RowSource | undefined)[];
  readonly dst: RowTarget;
  readonly arithmetic: Arithmetic;
}

/**
 * Says what is wrong with a node's shapes, types or parameters, or which variant of the op is not built; undefined when
 * the reference can compute it. Checked before every run: `compute` relies on it.
 */
export type ShapeRule = (node: OpShape) => string | undefined;

/** Computed at once, in one pass over the rows. */
export interface InlineOp {
  readonly how: 'inline';
  readonly check: ShapeRule;
  readonly compute: (call: OpCall) => void;
}

/** A mat-mul: planned by mat-mul.ts, run by a MatMulEngine. */
export interface MatMulOp {
  readonly how: 'mat-mul';
  readonly check: ShapeRule;
  /** Which columns it multiplies with which planes. Throws QuarrelError on indices out of range. */
  readonly pairs: (src: readonly (RowSource | undefined)[], allocate: Allocate) => ColumnPairs;
}

/** Nothing to compute: another look at the same memory. */
export interface ViewOp {
  readonly how: 'view';
  readonly check: ShapeRule;
}

export interface UnsupportedOp {
  readonly how: 'unsupported';
  readonly reason: string;
}

export type Op = InlineOp | MatMulOp | ViewOp | UnsupportedOp;

/** op_params[index] read as the f32 that ggml stored there. */
export function floatParam(opParams: readonly number[], index: number): number {
  return f32FromBits(opParams[index] ?? 0);
}

export function intParam(opParams: readonly number[], index: number): number {
  return (opParams[index] ?? 0) | 0;
}

/** The source at `index`; its presence was checked by the shape rule. */
export function sourceOf(call: OpCall, index: number): RowSource {
  const source = call.src[index];
  if (!source) throw new QuarrelError(`${call.kind}: source ${index} is missing`);
  return source;
}

/** The first complaint of a list of rules. */
export function firstOf(...complaints: readonly (string | false | undefined)[]): string | undefined {
  for (const c of complaints) if (typeof c === 'string') return c;
  return undefined;
}

/** Complains unless source `index` is there and its rows can be widened to f32. */
export function needDecodable(node: OpShape, index: number): string | undefined {
  const source = node.src[index];
  if (!source) return `source ${index} is missing`;
  return isDecodable(source.type) ? undefined : `source ${index} is ${source.type}, which cannot be decoded`;
}

export function needIndices(node: OpShape, index: number): string | undefined {
  const source = node.src[index];
  if (!source) return `source ${index} is missing`;
  return isIndex(source.type) ? undefined : `source ${index} is ${source.type}; I32 or I64 indices are expected`;
}

/** Complains unless the result is stored as floats. */
export function needFloatResult(node: OpShape): string | undefined {
  return isFloat(node.dst.type) ? undefined : `the result is ${node.dst.type}; F32, F16 or BF16 is expected`;
}

/** Complains unless source `index` has the extents `ne`. */
export function needExtents(node: OpShape, index: number, ne: Dims): string | undefined {
  const source = node.src[index];
  if (!source) return `source ${index} is missing`;
  if (sameExtents(source.ne, ne)) return undefined;
  return `source ${index} is ${dimsText(source.ne)}; ${dimsText(ne)} is expected`;
}

/** Complains unless the result has the extents `ne`. */
export function needResult(node: OpShape, ne: Dims): string | undefined {
  if (sameExtents(node.dst.ne, ne)) return undefined;
  return `the result is ${dimsText(node.dst.ne)}; ${dimsText(ne)} is expected`;
}

/** Calls `visit` for every row (i1, i2, i3). */
export function forEachRow(ne: Dims, visit: (i1: number, i2: number, i3: number) => void): void {
  if (ne[0] === 0) return;
  for (let i3 = 0; i3 < ne[3]; i3++) {
    for (let i2 = 0; i2 < ne[2]; i2++) {
      for (let i1 = 0; i1 < ne[1]; i1++) visit(i1, i2, i3);
    }
  }
}
