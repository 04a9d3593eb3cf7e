import { elementCount } from '../graph/graph';
import { hasDenseRows } from '../ops/tensor-shape';
import type { GgmlTypeName } from '../quant/ggml-type';
import type { KernelCall, Operand, Plan } from './kernel-call';
import { perElement } from './kernel-call';
import type { PlanRequest } from './plan-op';
import type { StoredType } from './shader-variant';
import { elementConstant, isElementType } from './shader-variant';

/** GET_ROWS: rows of source 0 (any block type) chosen by source 1 (I32), decoded to F32. */
export function planGetRows({ dst, src }: PlanRequest): Plan {
  const [src0, src1] = src;
  if (!src0 || !src1) return { unsupported: 'a source is missing' };
  if (src1.type !== 'I32') return { unsupported: `indices of type ${src1.type}` };
  if (dst.type !== 'F32') return { unsupported: `result of type ${dst.type}` };
  if (!hasDenseRows(src0)) return { unsupported: 'rows that have gaps' };
  const rows = elementCount(src1.ne);
  // the smallest group (16, Q6_K) covers them all: surplus invocations return
  const groups = rows * Math.ceil(dst.ne[0] / LEAST_GROUP);
  return {
    variant: { op: 'get_rows', quant: src0.type, constants: elementConstant(1, 'I32') },
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
export function planSetRows({ dst, src }: PlanRequest): Plan {
  const [src0, src1] = src;
  if (!src0 || !src1) return { unsupported: 'a source is missing' };
  if (src1.type !== 'I32' && src1.type !== 'I64') return { unsupported: `indices of type ${src1.type}` };
  const conversion = conversionOf(src0.type, dst.type);
  if (!conversion) return { unsupported: `${src0.type} to ${dst.type}` };
  return {
    variant: {
      op: 'set_rows',
      dst: conversion,
      // an I64 index is read by its low word, at the I64's stride
      constants: { ...elementConstant(0, elementType(src0)), ...elementConstant(1, 'I32') },
    },
    dst,
    sources: [src0, src1],
    values: {},
    byRows: false,
    workgroups: () => perElement(elementCount(src0.ne)),
  };
}

/** CPY, CONT, DUP: source 0 in memory order into the destination, converted. */
export function planCopy({ dst, src }: PlanRequest): Plan {
  const [src0] = src;
  if (!src0) return { unsupported: 'a source is missing' };
  const conversion = conversionOf(src0.type, dst.type);
  if (!conversion) return { unsupported: `${src0.type} to ${dst.type}` };
  return copyCall(src0, dst, conversion);
}

/** @param stored type of the destination's elements; floats are converted to it */
export function copyCall(src0: Operand, dst: Operand, stored: StoredType): KernelCall {
  return {
    variant: { op: 'copy', dst: stored, constants: elementConstant(0, elementType(src0)) },
    dst,
    sources: [src0],
    values: {},
    byRows: false,
    workgroups: () => perElement(elementCount(dst.ne)),
  };
}

function elementType(operand: Operand): 'F32' | 'F16' | 'BF16' | 'I32' {
  return isElementType(operand.type) ? operand.type : 'I32';
}

/** The destination's stored type when the kernels can convert; undefined otherwise. */
function conversionOf(from: GgmlTypeName, to: GgmlTypeName): StoredType | undefined {
  if (from === 'I32') return to === 'I32' ? 'I32' : undefined;
  if (!isElementType(from)) return undefined;
  return to === 'F32' || to === 'F16' || to === 'BF16' ? to : undefined;
}
