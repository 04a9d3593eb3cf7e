import { hasDenseRows } from '../ops/tensor-shape';
import type { Plan } from './kernel-call';
import { MAX_WORKGROUPS } from './gpu-session';
import type { PlanRequest } from './plan-op';
import { elementConstant, isElementType } from './shader-variant';

/** Rows of source 1 that one invocation multiplies: each decoded weight is used as often. */
const MOST_COLUMNS = 8;
/** Invocations per workgroup times rows per invocation. */
const WORKGROUP_ROWS = 32 * 4;

/** MUL_MAT: dst[m, n] = Σ src0[m, k] src1[n, k]; source 0 may be quantized. */
export function planMulMat({ dst, src }: PlanRequest): Plan {
  const [src0, src1] = src;
  if (!src0 || !src1) return { unsupported: 'a source is missing' };
  if (!isElementType(src1.type) || src1.type === 'I32') return { unsupported: `activations of type ${src1.type}` };
  if (dst.type !== 'F32') return { unsupported: `result of type ${dst.type}` };
  if (!hasDenseRows(src0) || !hasDenseRows(src1)) return { unsupported: 'rows that have gaps' };
  const columns = Math.min(src1.ne[1], MOST_COLUMNS);
  const tiles = Math.ceil(src1.ne[1] / columns);
  const matrices = src1.ne[2] * src1.ne[3];
  const groups = Math.ceil(src0.ne[1] / WORKGROUP_ROWS);
  if (Math.max(tiles, matrices, groups) > MAX_WORKGROUPS)
    return { unsupported: 'more workgroups than one dispatch has' };
  return {
    variant: {
      op: 'mul_mat',
      quant: src0.type,
      constants: { ...elementConstant(1, src1.type), COLUMNS: columns },
    },
    dst,
    sources: [src0, src1],
    values: {},
    byRows: true,
    workgroups: (rows) => [Math.ceil(rows / WORKGROUP_ROWS), tiles, matrices],
  };
}
