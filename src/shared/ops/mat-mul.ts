/**
 * MUL_MAT: C = B·Aᵀ, C[i0, i1, i2, i3] = Σₖ A[k, i0, i2/r2, i3/r3] × B[k, i1, i2, i3], A repeated r2 × r3 times over
 * B's dimensions 2 and 3. Source: `ggml_mul_mat` in ggml.c, `ggml_compute_forward_mul_mat` in ggml-cpu/ggml-cpu.c.
 *
 * `ggml`: B's rows are first converted to A's dot type (quant/activations.ts). Sums as mat-mul-kernel.ts states.
 */
import { assert } from '../base/assert';
import { convertActivations, dotExtension, dotTypeOf } from '../quant/activations';
import type { DotType } from '../quant/activations';
import { QUANT_FORMATS } from '../quant/registry';
import type { Arithmetic } from './arithmetic';
import { activationType, roundActivations } from './arithmetic';
import type { ActivationSet } from './mat-mul-kernel';
import type { Allocate } from './memory';
import type { MatMulOp, OpShape } from './op';
import { firstOf, forEachRow, needDecodable, needExtents } from './op';
import type { MemoryTensor, RowSource } from './operand';
import type { TensorShape } from './tensor-shape';
import { dimsText, hasDenseRows, isContiguous, isFloat } from './tensor-shape';

export const MUL_MAT_OP: MatMulOp = { how: 'mat-mul', check };

function check(node: OpShape): string | undefined {
  const { dst, src } = node;
  const [a, b] = src;
  if (!a || !b) return `source ${a ? 1 : 0} is missing`;
  const [, n1, n2, n3] = b.ne;
  return firstOf(
    needDecodable(node, 0),
    !isFloat(b.type) && `source 1 is ${b.type}`,
    (a.ne[0] !== b.ne[0] || n2 % a.ne[2] !== 0 || n3 % a.ne[3] !== 0) &&
      `A ${dimsText(a.ne)} does not fit B ${dimsText(b.ne)}`,
    needExtents({ ...node, src: [dst] }, 0, [a.ne[1], n1, n2, n3]),
    a.ne[0] % QUANT_FORMATS[a.type].blockElements !== 0 && `rows of ${a.ne[0]} elements of ${a.type}`,
    !hasDenseRows(a) && `strided rows of A (nb ${dimsText(a.nb)})`,
    (dst.type !== 'F32' || !isContiguous(dst)) && `a ${dst.type} result with nb ${dimsText(dst.nb)}`,
  );
}

/** B's rows as one arithmetic multiplies them, and room for the result. */
export function activationSet(
  a: TensorShape,
  b: RowSource,
  dst: MemoryTensor,
  arithmetic: Arithmetic,
  allocate: Allocate,
): ActivationSet {
  const k = b.ne[0];
  const dot: DotType = arithmetic === 'ggml' ? (dotTypeOf(a.type) ?? 'F32') : 'F32';
  const length = k + dotExtension(dot, k);
  const count = b.ne[1] * b.ne[2] * b.ne[3];
  const columns = new Float64Array(allocate(length * count * 8));
  const row = new Float32Array(k);
  const rounding = activationType(arithmetic);
  let at = 0;
  forEachRow(b.ne, (i1, i2, i3) => {
    b.readRow(i1, i2, i3, row, 0);
    roundActivations(rounding, row, 0, k);
    convertActivations(dot, row, 0, k, columns, at);
    at += length;
  });
  assert(dst.type === 'F32' && dst.offset % 4 === 0, 'a mat-mul writes F32');
  const total = a.ne[1] * count;
  return { length, columns, out: dst.memory.f32.subarray(dst.offset / 4, dst.offset / 4 + total) };
}
