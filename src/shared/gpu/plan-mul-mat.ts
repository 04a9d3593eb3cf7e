import { elementCount } from '../graph/graph';
import { isDecodable, hasDenseRows } from '../ops/tensor-shape';
import type { Operand, Plan } from './kernel-call';
import { perElement } from './kernel-call';
import { MAX_WORKGROUPS } from './gpu-session';
import type { PlanRequest } from './plan-op';
import type { ElementType, ShaderVariant } from './shader-variant';
import { elementConstant, isElementType } from './shader-variant';

/** Rows of source 1 that one invocation multiplies: each decoded weight is used as often. */
const MOST_COLUMNS = 8;
/** Invocations per workgroup times rows per invocation. */
const WORKGROUP_ROWS = 32 * 4;

const TOO_LARGE = { unsupported: 'more workgroups than one dispatch has' };

/** MUL_MAT: dst[m, n] = Σ src0[m, k] src1[n, k]; source 0 may be quantized. */
export function planMulMat({ dst, src }: PlanRequest): Plan {
  const [src0, src1] = src;
  const why = refusal(dst, src0, src1);
  if (why !== undefined || !src0 || !src1) return { unsupported: why ?? '' };
  const columns = Math.min(src1.ne[1], MOST_COLUMNS);
  const tiles = Math.ceil(src1.ne[1] / columns);
  const matrices = src1.ne[2] * src1.ne[3];
  const groups = Math.ceil(src0.ne[1] / WORKGROUP_ROWS);
  if (Math.max(tiles, matrices, groups) > MAX_WORKGROUPS) return TOO_LARGE;
  return {
    variant: tileVariant('mul_mat', src0, src1, columns),
    dst,
    sources: [src0, src1],
    values: {},
    byRows: true,
    workgroups: (rows) => [Math.ceil(rows / WORKGROUP_ROWS), tiles, matrices],
  };
}

/** MUL_MAT_ID: dst[m, j, t] = Σ src0[m, k] of expert src2[j, t] × src1[j mod n1, t][k]. */
export function planMulMatId({ dst, src }: PlanRequest): Plan {
  const [src0, src1, ids] = src;
  const why = refusal(dst, src0, src1);
  if (why !== undefined || !src0 || !src1 || !ids) return { unsupported: why ?? 'a source is missing' };
  if (ids.type !== 'I32') return { unsupported: `expert numbers of type ${ids.type}` };
  const [, rows, experts] = src0.ne;
  const pairs = ids.ne[0] * ids.ne[1];
  // as many columns as an expert has on average: a tile that is not full computes its last column again and again
  const columns = Math.min(Math.ceil(pairs / experts), MOST_COLUMNS);
  const groups = Math.ceil(rows / WORKGROUP_ROWS);
  const y = Math.min(pairs, MAX_WORKGROUPS);
  const z = Math.ceil(pairs / y);
  if (Math.max(groups, z) > MAX_WORKGROUPS) return TOO_LARGE;
  return {
    variant: tileVariant('mul_mat_id', src0, src1, columns, elementConstant(2, 'I32')),
    dst,
    sources: [src0, src1, ids],
    values: { expert_rows: rows, expert_bytes: experts === 1 ? 0 : src0.nb[2] },
    byRows: 'planes',
    workgroups: () => [groups, y, z],
  };
}

/** OUT_PROD: dst[m, n] = Σ src0[k, m] src1[k, n]; source 0 may be quantized. */
export function planOutProd({ dst, src }: PlanRequest): Plan {
  const [src0, src1] = src;
  const why = refusal(dst, src0, src1);
  if (why !== undefined || !src0 || !src1) return { unsupported: why ?? '' };
  return {
    variant: { op: 'out_prod', quant: src0.type, constants: elementConstant(1, src1.type as ElementType) },
    dst,
    sources: [src0, src1],
    values: {},
    byRows: false,
    workgroups: () => perElement((elementCount(dst.ne) / dst.ne[0]) * Math.ceil(dst.ne[0] / 4)),
  };
}

/** What lib/mat-mul-tile.wgsl depends on. */
function tileVariant(
  op: ShaderVariant['op'],
  src0: Operand,
  src1: Operand,
  columns: number,
  more: Record<string, number> = {},
): ShaderVariant {
  const source1 = { ...elementConstant(1, src1.type as ElementType), SRC1_DENSE: hasDenseRows(src1) };
  return { op, quant: src0.type, constants: { ...source1, COLUMNS: columns, ...more } };
}

function refusal(dst: Operand, src0: Operand | undefined, src1: Operand | undefined): string | undefined {
  if (!src0 || !src1) return 'a source is missing';
  if (!isDecodable(src0.type)) return `source 0 of type ${src0.type}`;
  if (!hasDenseRows(src0)) return 'rows of source 0 that have gaps';
  if (!isElementType(src1.type) || src1.type === 'I32') return `activations of type ${src1.type}`;
  return dst.type === 'F32' ? undefined : `result of type ${dst.type}`;
}
