/**
 * One node, bound to its data, in one arithmetic. Inline ops run here; a mat-mul is planned here and run by an engine,
 * so that several arithmetics can share one pass over the weights.
 */
import { assert } from '../base/assert';
import type { OpKind } from '../graph/ggml-op';
import type { Arithmetic } from './arithmetic';
import { activationType, roundActivations } from './arithmetic';
import { activationSet } from './mat-mul';
import type { MatMulSource } from './mat-mul-engine';
import { samePairs } from './mat-mul-columns';
import type { ActivationSet, ColumnPairs, MatMulJob } from './mat-mul-kernel';
import type { Allocate } from './memory';
import { Memory } from './memory';
import type { OpShape } from './op';
import { forEachRow } from './op';
import type { RowSource } from './operand';
import { gatherF32, MemoryTensor, RoundedRows } from './operand';
import { OPS } from './registry';
import { contiguousShape, isFloat, spanBytes } from './tensor-shape';

/** A source of a node, with the place where a mat-mul finds its bytes. */
export interface BoundSource {
  readonly rows: RowSource;
  /** Weights keep their own precision in every arithmetic; activations do not. */
  readonly isWeight: boolean;
  readonly place: MatMulSource;
  /** Byte offset of element 0 in `place`. */
  readonly offset: number;
}

export interface BoundNode {
  readonly kind: OpKind;
  readonly opParams: readonly number[];
  readonly sources: readonly (BoundSource | undefined)[];
  readonly dst: MemoryTensor;
}

export function memorySource(tensor: MemoryTensor, isWeight = false): BoundSource {
  return { rows: tensor, isWeight, place: { kind: 'memory', memory: tensor.memory }, offset: tensor.offset };
}

export function shapeOfBound(node: BoundNode): OpShape {
  return { kind: node.kind, opParams: node.opParams, dst: node.dst, src: node.sources.map((s) => s?.rows) };
}

/** Computes a node whose op runs inline. */
export function computeInline(node: BoundNode, arithmetic: Arithmetic): void {
  const op = OPS[node.kind];
  assert(op.how === 'inline', `${node.kind} does not run inline`);
  const rounding = activationType(arithmetic);
  const src = node.sources.map((s) =>
    s && !s.isWeight && rounding !== 'F32' && isFloat(s.rows.type) ? new RoundedRows(s.rows, rounding) : s?.rows,
  );
  op.compute({ kind: node.kind, opParams: node.opParams, src, dst: node.dst, arithmetic });
  roundResult(node.dst, arithmetic);
}

/** Where a mat-mul's A lies, B in one arithmetic, and which columns of B each plane of A multiplies. */
export interface MatMulPlan {
  readonly a: BoundSource;
  readonly pairs: ColumnPairs;
  readonly set: ActivationSet;
}

/** Throws QuarrelError on an expert that is not there. */
export function planMatMul(node: BoundNode, arithmetic: Arithmetic, allocate: Allocate): MatMulPlan {
  const op = OPS[node.kind];
  const [a, b] = node.sources;
  assert(op.how === 'mat-mul' && a && b, `${node.kind} is no mat-mul of two sources`);
  const src = node.sources.map((s) => s?.rows);
  return {
    a: a.isWeight ? a : roundedCopy(a, arithmetic, allocate),
    pairs: op.pairs(src, allocate),
    set: activationSet(a.rows, b.rows, node.dst, node.opParams, arithmetic, allocate),
  };
}

/** One job for plans that share A and its pairs. */
export function jobOf(plans: readonly MatMulPlan[]): MatMulJob {
  const [first] = plans;
  assert(first, 'a job without plans');
  const { type, ne, nb } = first.a.rows;
  return { type, ne, nb, offset: first.a.offset, pairs: first.pairs, sets: plans.map((p) => p.set) };
}

/** The plans by what one pass can compute: its rows of A are decoded once for all. */
export function sharedPasses(plans: readonly MatMulPlan[]): readonly (readonly MatMulPlan[])[] {
  const passes: MatMulPlan[][] = [];
  for (const plan of plans) {
    const pass = passes.find(([first]) => first && sameA(first.a, plan.a) && samePairs(first.pairs, plan.pairs));
    if (pass) pass.push(plan);
    else passes.push([plan]);
  }
  return passes;
}

/** Whether both read the same rows; a small weight may lie in two memories. */
function sameA(a: BoundSource, b: BoundSource): boolean {
  if (a.isWeight) return b.isWeight;
  return a.place.kind === 'memory' && b.place.kind === 'memory' && a.place.memory === b.place.memory;
}

/** Rounds a finished result to the type in which the arithmetic stores activations. */
export function roundResult(dst: MemoryTensor, arithmetic: Arithmetic): void {
  const rounding = activationType(arithmetic);
  if (rounding === 'F32' || !isFloat(dst.type)) return;
  const row = new Float32Array(dst.ne[0]);
  forEachRow(dst.ne, (i1, i2, i3) => {
    dst.readRow(i1, i2, i3, row, 0);
    roundActivations(rounding, row, 0, row.length);
    dst.writeRow(i1, i2, i3, row, 0);
  });
}

/** A computed A (attention scores, say) as an engine holds it that stores its activations in 16 bits. */
function roundedCopy(a: BoundSource, arithmetic: Arithmetic, allocate: Allocate): BoundSource {
  const rounding = activationType(arithmetic);
  if (rounding === 'F32' || !isFloat(a.rows.type)) return a;
  const shape = contiguousShape('F32', a.rows.ne);
  const memory = Memory.zeros(spanBytes(shape), allocate);
  memory.f32.set(gatherF32(new RoundedRows(a.rows, rounding)));
  return memorySource(new MemoryTensor(memory, 0, 'F32', shape.ne, shape.nb));
}
