/**
 * CPY, CONT and DUP: the elements of source 0 in logical order become those of the result in logical order; the shapes
 * may differ, the counts not. Between float types each value is rounded once (to nearest, ties to even); indices are
 * copied between equal types; I32 becomes the nearest F32, and F32 the I32 next to it towards zero.
 * Source: `ggml_compute_forward_dup` and what it calls in ggml-cpu/ops.cpp.
 *
 * What F32 without an I32 becomes C leaves open. `exact`: the nearest I32, NaN 0, as WGSL and ARM. `ggml`: −2³¹, as x86.
 */
import { elementCount } from '../graph/graph';
import type { Arithmetic } from './arithmetic';
import { needMovable, readElements, writeElements } from './elements';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, sourceOf } from './op';
import { dimsText } from './tensor-shape';

export const COPY_OP: InlineOp = { how: 'inline', check, compute };

const LEAST_I32 = -(2 ** 31);
const GREATEST_I32 = 2 ** 31 - 1;

function check(node: OpShape): string | undefined {
  const { dst, src } = node;
  const source = src[0];
  if (!source) return 'source 0 is missing';
  const conversion = `${source.type} to ${dst.type}`;
  const isNumeric = conversion === 'I32 to F32' || conversion === 'F32 to I32';
  return firstOf(
    elementCount(source.ne) !== elementCount(dst.ne) &&
      `${dimsText(source.ne)} is copied to ${dimsText(dst.ne)}: another number of elements`,
    !isNumeric && needMovable(node, 0),
  );
}

function compute(call: OpCall): void {
  const source = sourceOf(call, 0);
  const values = readElements(source);
  if (source.type === 'F32' && call.dst.type === 'I32') {
    writeElements(
      call.dst,
      Float64Array.from(values, (x) => toI32(x, call.arithmetic)),
    );
  } else {
    writeElements(call.dst, values);
  }
}

function toI32(x: number, arithmetic: Arithmetic): number {
  if (x >= LEAST_I32 && x <= GREATEST_I32) return Math.trunc(x);
  if (arithmetic === 'ggml') return LEAST_I32;
  return Number.isNaN(x) ? 0 : x < 0 ? LEAST_I32 : GREATEST_I32;
}
