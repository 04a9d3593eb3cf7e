/**
 * MUL_MAT: C = B·Aᵀ, C[i0, i1, i2, i3] = Σₖ A[k, i0, i2/r2, i3/r3] × B[k, i1, i2, i3], A repeated r2 × r3 times over
 * B's dimensions 2 and 3. Source: `ggml_mul_mat` in ggml.c, `ggml_compute_forward_mul_mat` in ggml-cpu/ggml-cpu.c.
 * op_params[0] (precision) changes nothing there; op_params[1]: hint, see below.
 *
 * MUL_MAT_ID: a mat-mul whose token chooses its matrices (experts), C[i0, j, t] = Σₖ A[k, i0, ids[j, t]] × B[k, j mod
 * n1, t]. Source: `ggml_mul_mat_id` in ggml.c, `ggml_compute_forward_mul_mat_id` in ggml-cpu/ggml-cpu.c.
 *
 * `ggml`: B's rows are first converted to A's dot type (quant/activations.ts). Sums as mat-mul-kernel.ts states.
 */
import { assert } from '../base/assert';
import { QuarrelError } from '../base/errors';
import { convertActivations, dotExtension, dotTypeOf } from '../quant/activations';
import type { DotType } from '../quant/activations';
import { QUANT_FORMATS } from '../quant/registry';
import type { Arithmetic } from './arithmetic';
import { activationType, roundActivations } from './arithmetic';
import { pairColumns, repeatedColumns } from './mat-mul-columns';
import type { ActivationSet, ColumnPairs } from './mat-mul-kernel';
import type { Allocate } from './memory';
import type { MatMulOp, OpShape } from './op';
import { firstOf, forEachRow, intParam, needDecodable, needResult } from './op';
import type { MemoryTensor, RowSource } from './operand';
import type { TensorShape } from './tensor-shape';
import { dimsText, hasDenseRows, isContiguous, isFloat } from './tensor-shape';

export const MUL_MAT_OP: MatMulOp = {
  how: 'mat-mul',
  check: checkMulMat,
  pairs: ([a, b], allocate) => repeatedColumns(present(a).ne, present(b).ne, allocate),
};

export const MUL_MAT_ID_OP: MatMulOp = { how: 'mat-mul', check: checkMulMatId, pairs: expertColumns };

function checkMulMat(node: OpShape): string | undefined {
  const [a, b] = node.src;
  if (!a || !b) return `source ${a ? 1 : 0} is missing`;
  const [, n1, n2, n3] = b.ne;
  return firstOf(
    checkOperands(node, a, b),
    (a.ne[0] !== b.ne[0] || n2 % a.ne[2] !== 0 || n3 % a.ne[3] !== 0) &&
      `A ${dimsText(a.ne)} does not fit B ${dimsText(b.ne)}`,
    needResult(node, [a.ne[1], n1, n2, n3]),
  );
}

function checkMulMatId(node: OpShape): string | undefined {
  const [a, b, ids] = node.src;
  if (!a || !b || !ids) return `source ${!a ? 0 : b ? 2 : 1} is missing`;
  const [used, tokens] = ids.ne;
  return firstOf(
    checkOperands(node, a, b),
    ids.type !== 'I32' && `source 2 is ${ids.type}; I32 expert numbers are expected`,
    (a.ne[0] !== b.ne[0] || a.ne[3] !== 1 || b.ne[3] !== 1) && `A ${dimsText(a.ne)} does not fit B ${dimsText(b.ne)}`,
    (ids.ne[2] !== 1 || ids.ne[3] !== 1 || tokens !== b.ne[2] || used % b.ne[1] !== 0) &&
      `expert numbers ${dimsText(ids.ne)} do not fit B ${dimsText(b.ne)}`,
    needResult(node, [a.ne[1], used, tokens, 1]),
  );
}

/** What the kernel asks for, whichever columns it pairs. */
function checkOperands(node: OpShape, a: TensorShape, b: TensorShape): string | undefined {
  const { dst } = node;
  return firstOf(
    needDecodable(node, 0),
    !isFloat(b.type) && `source 1 is ${b.type}`,
    a.ne[0] % QUANT_FORMATS[a.type].blockElements !== 0 && `rows of ${a.ne[0]} elements of ${a.type}`,
    !hasDenseRows(a) && `strided rows of A (nb ${dimsText(a.nb)})`,
    (dst.type !== 'F32' || !isContiguous(dst)) && `a ${dst.type} result with nb ${dimsText(dst.nb)}`,
  );
}

/** Column (j, t) of the result is expert ids[j, t] times column j mod n1 of token t. */
function expertColumns(src: readonly (RowSource | undefined)[], allocate: Allocate): ColumnPairs {
  const [a, b, ids] = src.slice(0, 3).map(present) as [RowSource, RowSource, RowSource];
  const experts = a.ne[2];
  const n1 = b.ne[1];
  const [used, tokens] = ids.ne;
  const chosen = new Int32Array(used * tokens);
  for (let c = 0; c < chosen.length; c++) {
    const [slot, token] = [c % used, Math.floor(c / used)];
    const expert = ids.readIndex(slot, token, 0, 0);
    if (expert < 0 || expert >= experts) {
      throw new QuarrelError(`MUL_MAT_ID: token ${token} chooses expert ${expert} of ${experts} (slot ${slot})`);
    }
    chosen[c] = expert;
  }
  return pairColumns(experts, chosen, (c) => Math.floor(c / used) * n1 + ((c % used) % n1), allocate);
}

/** A source whose presence the shape rule has checked. */
function present(source: RowSource | undefined): RowSource {
  assert(source, 'a mat-mul without its sources');
  return source;
}

/** op_params[1] of a MUL_MAT whose A is a Hadamard matrix: ggml transforms B in f32 and never looks at A. */
const HINT_HADAMARD = 1;

function dotTypeFor(a: TensorShape, opParams: readonly number[], arithmetic: Arithmetic): DotType {
  if (arithmetic !== 'ggml' || intParam(opParams, 1) === HINT_HADAMARD) return 'F32';
  return dotTypeOf(a.type) ?? 'F32';
}

/** B's rows as one arithmetic multiplies them, and room for the result. */
export function activationSet(
  a: TensorShape,
  b: RowSource,
  dst: MemoryTensor,
  opParams: readonly number[],
  arithmetic: Arithmetic,
  allocate: Allocate,
): ActivationSet {
  const k = b.ne[0];
  const dot = dotTypeFor(a, opParams, arithmetic);
  const length = k + dotExtension(dot, k);
  const columns = new Float64Array(allocate(length * b.ne[1] * b.ne[2] * b.ne[3] * 8));
  const row = new Float32Array(k);
  const halfSums = arithmetic === 'f16-sums';
  const rounding = halfSums ? 'F16' : activationType(arithmetic);
  let at = 0;
  forEachRow(b.ne, (i1, i2, i3) => {
    b.readRow(i1, i2, i3, row, 0);
    roundActivations(rounding, row, 0, k);
    convertActivations(dot, row, 0, k, columns, at);
    at += length;
  });
  assert(dst.type === 'F32' && dst.offset % 4 === 0, 'a mat-mul writes F32');
  const first = dst.offset / 4;
  const total = dst.ne[0] * dst.ne[1] * dst.ne[2] * dst.ne[3];
  return { length, columns, out: dst.memory.f32.subarray(first, first + total), halfSums };
}
