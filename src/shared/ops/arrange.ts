/**
 * Ops that put elements elsewhere. Nothing is rounded, except ACC's sums: once, so that both arithmetics agree to the
 * bit. Source: `ggml_repeat`, `ggml_pad_ext`, `ggml_roll`, `ggml_concat`, `ggml_set_impl` … in ggml.c,
 * `ggml_compute_forward_repeat_f32` and its siblings in ggml-cpu/ops.cpp.
 */
import type { Dims } from '../graph/graph';
import type { Elements } from './elements';
import { needMovable, readElements, writeElements, zerosFor } from './elements';
import type { InlineOp, OpCall, OpShape, ShapeRule } from './op';
import { firstOf, forEachRow, intParam, needExtents, sourceOf } from './op';
import type { RowSource } from './operand';
import type { TensorShape } from './tensor-shape';
import { contiguousShape, dimsText, isContiguous, isEmpty, isFloat, spanBytes } from './tensor-shape';

/** Index along one dimension in source 0 of the element that stands at `i`; outside of the source stand zeros. */
type Along = (i: number, d: number, source: Dims, call: OpCall) => number;

/** dst[i0, i1, i2, i3] = src0[f(i0), f(i1), f(i2), f(i3)] */
function alongDimensions(check: ShapeRule, from: Along): InlineOp {
  return {
    how: 'inline',
    check: (node) => firstOf(needMovable(node, 0), check(node)),
    compute: (call) => takeAlong(call, from),
  };
}

/** dst[i] = src0[i mod ne] */
export const REPEAT_OP = alongDimensions(checkRepeat, (i, d, ne) => modulo(i, ne[d] as number));

/** dst[i] = src0[(i − shift) mod ne]; op_params: shift per dimension. */
export const ROLL_OP = alongDimensions(
  (node) => needExtents(node, 0, node.dst.ne),
  (i, d, ne, { opParams }) => modulo(i - intParam(opParams, d), ne[d] as number),
);

/**
 * dst[i] = src0[i − left], zeros around it; circular: src0 repeated around itself. op_params: left and right padding per
 * dimension (negative: cut off), circular.
 */
export const PAD_OP = alongDimensions(checkPad, (i, d, ne, { opParams }) => {
  const from = i - intParam(opParams, 2 * d);
  return intParam(opParams, 8) === 0 ? from : modulo(from, ne[d] as number);
});

/** dst[i] = src0[i − left], mirrored at its first and last element in dimension 0. op_params: left, right. */
export const PAD_REFLECT_1D_OP = alongDimensions(checkReflect, (i, d, ne, { opParams }) => {
  const last = ne[0] - 1;
  return d > 0 ? i : last - Math.abs(last - Math.abs(i - intParam(opParams, 0)));
});

/** dst[i] = src0[⌊i / scale⌋], the nearest mode of UPSCALE: `ggml_compute_forward_upscale_f32`. */
export const UPSCALE_OP = alongDimensions(checkUpscale, (i, d, ne, { dst, opParams }) =>
  nearestIndex(i, d, ne, dst.ne, opParams),
);

function checkRepeat({ dst, src }: OpShape): string | undefined {
  const ne = src[0]?.ne ?? dst.ne;
  const fits = isEmpty(ne) ? isEmpty(dst.ne) : dst.ne.every((n, d) => n % (ne[d] as number) === 0);
  return fits ? undefined : `${dimsText(ne)} cannot be repeated to ${dimsText(dst.ne)}`;
}

function checkPad(node: OpShape): string | undefined {
  const { dst, opParams } = node;
  const inner = dst.ne.map((n, d) => n - intParam(opParams, 2 * d) - intParam(opParams, 2 * d + 1));
  return firstOf(
    needExtents(node, 0, inner as unknown as Dims),
    intParam(opParams, 8) !== 0 && isEmpty(inner as unknown as Dims) && 'an empty source cannot be repeated',
  );
}

function checkReflect(node: OpShape): string | undefined {
  const [n0, n1, n2, n3] = node.dst.ne;
  const [left, right] = [intParam(node.opParams, 0), intParam(node.opParams, 1)];
  const inner = n0 - left - right;
  return firstOf(
    needExtents(node, 0, [inner, n1, n2, n3]),
    (left < 0 || right < 0 || left >= inner || right >= inner) &&
      `${inner} elements cannot be mirrored by ${left} and ${right}`,
  );
}

const ALIGN_CORNERS = 1 << 8;

/** Only the nearest mode is built. */
function checkUpscale({ dst, src, opParams }: OpShape): string | undefined {
  const mode = intParam(opParams, 0);
  return firstOf(
    (mode & ~ALIGN_CORNERS) !== 0 && `mode ${mode}`,
    src[0] && isEmpty(src[0].ne) && !isEmpty(dst.ne) && 'an empty source cannot be scaled',
  );
}

/** Index in the source of element `i` along dimension `d`; scale and quotient in f32, as ggml's. */
export function nearestIndex(i: number, d: number, source: Dims, dst: Dims, opParams: readonly number[]): number {
  const [n, from] = [dst[d] as number, source[d] as number];
  const aligned = d < 2 && (intParam(opParams, 0) & ALIGN_CORNERS) !== 0 && n > 1 && from > 1;
  const scale = Math.fround(aligned ? (n - 1) / (from - 1) : n / from);
  return Math.floor(Math.fround(i / scale));
}

function takeAlong(call: OpCall, along: Along): void {
  const source = sourceOf(call, 0);
  const values = readElements(source);
  const [from0, from1, from2, from3] = [0, 1, 2, 3].map((d) =>
    Int32Array.from({ length: call.dst.ne[d] as number }, (_, i) => along(i, d, source.ne, call)),
  ) as [Int32Array, Int32Array, Int32Array, Int32Array];
  const [n0, n1, n2, n3] = source.ne;
  const isInside = (i: number, n: number): boolean => i >= 0 && i < n;
  const out = zerosFor(call.dst);
  let at = 0;
  for (const i3 of from3) {
    for (const i2 of from2) {
      for (const i1 of from1) {
        const hasRow = isInside(i1, n1) && isInside(i2, n2) && isInside(i3, n3);
        const row = ((i3 * n2 + i2) * n1 + i1) * n0;
        for (const i0 of from0) {
          if (hasRow && isInside(i0, n0)) out[at] = values[row + i0] as number;
          at++;
        }
      }
    }
  }
  writeElements(call.dst, out);
}

function modulo(i: number, n: number): number {
  return ((i % n) + n) % n;
}

/** Where source 1 lies in the result: strides of its dimensions and offset, bytes. */
export interface Window {
  readonly nb: Dims;
  readonly offset: number;
}

/** dst = src0 and src1 one after the other in dimension op_params[0]. */
export const CONCAT_OP: InlineOp = { how: 'inline', check: checkConcat, compute: concat };

/** dst = src0, a window of it replaced by src1. op_params: the window's nb[1], nb[2], nb[3] and offset, bytes. */
export const SET_OP: InlineOp = { how: 'inline', check: checkSet, compute: (call) => set(call, (_, b) => b) };

/** dst = src0, src1 added to a window of it; op_params as SET. */
export const ACC_OP: InlineOp = { how: 'inline', check: checkSet, compute: (call) => set(call, (a, b) => a + b) };

/** @param dst the result; contiguous where the window is to count in logical order */
export function concatWindow(dst: TensorShape, first: Dims, dim: number): Window {
  return { nb: dst.nb, offset: (first[dim] as number) * (dst.nb[dim] as number) };
}

export function setWindow(dst: TensorShape, opParams: readonly number[]): Window {
  const [nb1, nb2, nb3, offset] = [0, 1, 2, 3].map((i) => intParam(opParams, i)) as unknown as Dims;
  return { nb: [dst.nb[0], nb1, nb2, nb3], offset };
}

function checkConcat(node: OpShape): string | undefined {
  const { dst, src, opParams } = node;
  const dim = intParam(opParams, 0);
  const [a, b] = src;
  if (!a || !b) return `source ${a ? 1 : 0} is missing`;
  const fits = [0, 1, 2, 3].every((d) =>
    d === dim ? dst.ne[d] === (a.ne[d] as number) + (b.ne[d] as number) : dst.ne[d] === a.ne[d] && a.ne[d] === b.ne[d],
  );
  return firstOf(
    needMovable(node, 0),
    needMovable(node, 1),
    !(dim >= 0 && dim < 4) && `dimension ${dim}`,
    !fits && `${dimsText(a.ne)} and ${dimsText(b.ne)} do not join to ${dimsText(dst.ne)}`,
  );
}

function checkSet(node: OpShape): string | undefined {
  const { dst, src, opParams } = node;
  const b = src[1];
  if (!b) return 'source 1 is missing';
  const { nb, offset } = setWindow(dst, opParams);
  const window = { type: dst.type, ne: b.ne, nb };
  // an element in two places, or out of order, could not be told from its address
  const isNested = [1, 2, 3].every((d) => b.ne[d] === 1 || (nb[d] as number) >= spanBelow(window, d));
  const isWhole = [...nb.slice(1), offset].every((x) => x >= 0 && x % nb[0] === 0);
  return firstOf(
    needMovable(node, 0),
    needMovable(node, 1),
    node.kind === 'ACC' && !isFloat(dst.type) && `sums of ${dst.type}`,
    needExtents(node, 0, dst.ne),
    !isContiguous(dst) && 'a result with gaps',
    !isEmpty(b.ne) && (!isWhole || !isNested) && `a window of strides ${dimsText(nb)} at ${offset}`,
    !isEmpty(b.ne) && offset + spanBytes(window) > spanBytes(dst) && 'the window reaches past the result',
  );
}

/** Bytes from the first to past the last element of the dimensions below `d`. */
function spanBelow(t: TensorShape, d: number): number {
  return spanBytes({ ...t, ne: t.ne.map((n, i) => (i < d ? n : 1)) as unknown as Dims });
}

function concat(call: OpCall): void {
  const [a, b] = [sourceOf(call, 0), sourceOf(call, 1)];
  const dst = contiguousShape(call.dst.type, call.dst.ne);
  const out = zerosFor(call.dst);
  const take = (_: number, x: number): number => x;
  put(out, a, { nb: dst.nb, offset: 0 }, take);
  put(out, b, concatWindow(dst, a.ne, intParam(call.opParams, 0)), take);
  writeElements(call.dst, out);
}

function set(call: OpCall, combine: (a: number, b: number) => number): void {
  const out = readElements(sourceOf(call, 0));
  put(out, sourceOf(call, 1), setWindow(call.dst, call.opParams), combine);
  writeElements(call.dst, out);
}

/** Combines the window's elements of `out`, in the order of a contiguous tensor, with those of `source`. */
function put(out: Elements, source: RowSource, window: Window, combine: (a: number, b: number) => number): void {
  const values = readElements(source);
  const [size, nb1, nb2, nb3] = window.nb;
  let from = 0;
  forEachRow(source.ne, (i1, i2, i3) => {
    const to = (window.offset + i1 * nb1 + i2 * nb2 + i3 * nb3) / size;
    for (let i = 0; i < source.ne[0]; i++) out[to + i] = combine(out[to + i] as number, values[from++] as number);
  });
}
