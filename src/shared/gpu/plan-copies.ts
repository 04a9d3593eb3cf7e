import { elementCount } from '../graph/graph';
import { COPY_OP } from '../ops/copy';
import { ADD_ID_OP, GET_ROWS_OP, SET_ROWS_OP } from '../ops/rows';
import { hasDenseRows, isFloat } from '../ops/tensor-shape';
import type { KernelCall, Operand, Plan } from './kernel-call';
import { perElement } from './kernel-call';
import { movementOf } from './movement';
import type { PlanRequest } from './plan-op';
import { refusal, shapeOf, typeConstants } from './plan-parts';
import { elementConstant, isElementType } from './shader-variant';

/** GET_ROWS: rows of source 0 chosen by source 1, decoded to F32; of an I32 table as they are. */
export function planGetRows(request: PlanRequest): Plan {
  const { dst, src } = request;
  const [src0, src1] = src;
  const why = GET_ROWS_OP.check(shapeOf(request));
  if (why !== undefined || !src0 || !src1) return { unsupported: why ?? '' };
  // an I64 index is read by its low word, at the I64's stride
  const indices = elementConstant(1, 'I32');
  if (dst.type === 'I32') {
    return {
      variant: { op: 'get_rows_words', constants: { ...elementConstant(0, 'I32'), ...indices } },
      dst,
      sources: [src0, src1],
      values: {},
      byRows: false,
      workgroups: () => perElement(elementCount(dst.ne)),
    };
  }
  if (dst.type !== 'F32') return { unsupported: `result of type ${dst.type}` };
  if (!hasDenseRows(src0)) return { unsupported: 'rows that have gaps' };
  const rows = elementCount(src1.ne);
  // the smallest group (16, Q6_K) covers them all: surplus invocations return
  const groups = rows * Math.ceil(dst.ne[0] / LEAST_GROUP);
  return {
    variant: { op: 'get_rows', quant: src0.type, constants: indices },
    dst,
    sources: [src0, src1],
    values: {},
    byRows: true,
    workgroups: () => perElement(groups),
  };
}

/** Least GROUP of all quant shaders, elements. */
const LEAST_GROUP = 16;

/** SET_ROWS: rows of source 0 go to the rows of the destination that source 1 (I32 or I64) names. */
export function planSetRows(request: PlanRequest): Plan {
  const { dst, src } = request;
  const [src0, src1] = src;
  const why = SET_ROWS_OP.check(shapeOf(request));
  if (why !== undefined || !src0 || !src1) return { unsupported: why ?? '' };
  const movement = movementOf(dst, src0);
  if (!movement) return { unsupported: `${src0.type} to ${dst.type}` };
  return {
    variant: {
      op: 'set_rows',
      dst: movement.dst,
      // an I64 index is read by its low word, at the I64's stride
      constants: { ...elementConstant(0, movement.element), ...elementConstant(1, 'I32') },
    },
    dst,
    sources: [src0, src1],
    values: {},
    byRows: false,
    workgroups: () => perElement(elementCount(src0.ne)),
  };
}

/** ADD_ID: source 0 plus the rows of source 1 that source 2 names. */
export function planAddId(request: PlanRequest): Plan {
  const { dst, src } = request;
  const [src0, src1, ids] = src;
  const why = refusal(dst, src0, src1) ?? ADD_ID_OP.check(shapeOf(request));
  if (why !== undefined || !src0 || !src1 || !ids) return { unsupported: why ?? '' };
  return {
    variant: { op: 'add_id', constants: { ...typeConstants(src0, src1), ...elementConstant(2, 'I32') } },
    dst,
    sources: [src0, src1, ids],
    values: {},
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}

/** CPY, CONT, DUP: source 0 in memory order into the destination, converted. */
export function planCopy(request: PlanRequest): Plan {
  const { dst, src } = request;
  const [src0] = src;
  const why = COPY_OP.check(shapeOf(request));
  if (why !== undefined || !src0) return { unsupported: why ?? '' };
  if (!isElementType(src0.type) && src0.type !== 'I64') return copyBlocks(src0, dst);
  const call = copyCall(src0, dst);
  return call ?? { unsupported: `${src0.type} to ${dst.type}` };
}

/** CPY of rows of blocks. */
function copyBlocks(src0: Operand, dst: Operand): Plan {
  if (!isFloat(dst.type)) return { unsupported: `${src0.type} to ${dst.type}` };
  if (!hasDenseRows(src0)) return { unsupported: 'blocks that have gaps' };
  const rows = elementCount(src0.ne) / src0.ne[0];
  return {
    variant: { op: 'copy_blocks', quant: src0.type, dst: dst.type },
    dst,
    sources: [src0],
    values: {},
    byRows: false,
    workgroups: () => perElement(rows * Math.ceil(src0.ne[0] / LEAST_GROUP)),
  };
}

/** Constants of ops/copy.wgsl by source and destination type; elsewhere bits are moved. */
const CONVERSIONS: Readonly<Record<string, number>> = { 'I32 to F32': 1, 'F32 to I32': 2 };

/** Elements of any stored type into another shape and type; undefined where no kernel converts them. */
export function copyCall(src0: Operand, dst: Operand): KernelCall | undefined {
  const conversion = CONVERSIONS[`${src0.type} to ${dst.type}`] ?? 0;
  const movement =
    conversion === 0 ? movementOf(dst, src0) : { dst: 'F32' as const, element: 'I32' as const, words: 1 };
  if (!movement) return undefined;
  return {
    variant: {
      op: 'copy',
      dst: movement.dst,
      constants: { ...elementConstant(0, movement.element), WORDS: movement.words, CONVERSION: conversion },
    },
    dst,
    sources: [src0],
    values: {},
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}
