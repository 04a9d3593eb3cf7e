/**
 * Convolutions and pooling: IM2COL, which lays out the patches of images that a MUL_MAT with the kernel then sums,
 * CONV_TRANSPOSE_1D, POOL_1D. Source: `ggml_im2col`, `ggml_conv_transpose_1d`, `ggml_pool_1d` in ggml.c,
 * `ggml_compute_forward_im2col_f32`, `…_im2col_f16`, `…_conv_transpose_1d_f32`, `…_conv_transpose_1d_f16_f32`,
 * `…_pool_1d_ksp` in ggml-cpu/ops.cpp.
 */
import { f32FromBits } from '../base/float-bits';
import type { Dims } from '../graph/graph';
import { elementCount } from '../graph/graph';
import type { Rounding } from './arithmetic';
import { intermediateRounding, intermediates, roundActivations } from './arithmetic';
import { needMovable } from './elements';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, forEachRow, intParam, needDecodable, needFloatResult, needResult, sourceOf } from './op';
import { gatherF32, scatterF32 } from './operand';
import type { TensorShape } from './tensor-shape';
import { dimsText, hasDenseRows, isContiguous, sameExtents } from './tensor-shape';

/**
 * dst[(c × height + y) × width + x, i, j, n] = src1[i × s0 + x × d0 − p0, j × s1 + y × d1 − p1, c, n], zeros around the
 * image. Of source 0, a kernel of width × height taps, only the shape counts. op_params: s0, s1, p0, p1, d0, d1, whether
 * images are of two dimensions; those of one are one high.
 */
export const IM2COL_OP: InlineOp = { how: 'inline', check: checkIm2col, compute: im2col };

/**
 * dst[i, o] = Σ src1[j, c] × src0[k, o, c] over c and all j × s + k = i; op_params: s. `exact`: sums in f64.
 * `ggml`: source 1 rounded to F16 where the kernel is F16; sums over c rounded to f32 and added in f32, j ascending.
 */
export const CONV_TRANSPOSE_1D_OP: InlineOp = { how: 'inline', check: checkTransposed, compute: convTranspose1d };

/**
 * dst[i] = mean or maximum of what there is of src0[i × s − p] and the k − 1 after it; the mean of nothing is 0, no
 * maximum is below −FLT_MAX. op_params: function, k, s, p. `exact`: sums in f64; `ggml`: in f32, ascending.
 */
export const POOL_1D_OP: InlineOp = { how: 'inline', check: checkPool, compute: pool };

/** Horizontal, vertical. */
type Pair = readonly [number, number];

/** How IM2COL's patches lie in an image. */
export interface PatchSteps {
  /** From patch to patch, pixels. */
  readonly stride: Pair;
  /** Zeros ahead of the image. */
  readonly padding: Pair;
  /** From tap to tap of the kernel, pixels. */
  readonly dilation: Pair;
}

export function patchSteps(opParams: readonly number[]): PatchSteps {
  const pair = (first: number): Pair => [intParam(opParams, first), intParam(opParams, first + 1)];
  return { stride: pair(0), padding: pair(2), dilation: pair(4) };
}

type Strided = Pick<TensorShape, 'ne' | 'nb'>;

/** Whether IM2COL's images have two dimensions. */
function isFlat(opParams: readonly number[]): boolean {
  return intParam(opParams, 6) === 1;
}

/** IM2COL's kernel (width, height, channel) or source 1 (width, height, channel, batch). */
export function asImages(t: Strided, opParams: readonly number[]): Strided {
  return isFlat(opParams) ? t : withDimension(t, 1);
}

/** IM2COL's result: element of the patch, patch horizontally and vertically, batch. */
export function asPatches(t: Strided, opParams: readonly number[]): Strided {
  return isFlat(opParams) ? t : withDimension(t, 2);
}

/** The tensor with an extent of 1 in dimension `d`; its dimension 3, of extent 1, gives way. */
function withDimension(t: Strided, d: number): Strided {
  const insert = (dims: Dims, value: number): Dims =>
    [...dims.slice(0, d), value, ...dims.slice(d, 3)] as unknown as Dims;
  return { ne: insert(t.ne, 1), nb: insert(t.nb, 0) };
}

function checkIm2col(node: OpShape): string | undefined {
  const { dst, src, opParams } = node;
  const [a, b] = src;
  if (!a || !b) return `source ${a ? 1 : 0} is missing`;
  const [kernel, image] = [asImages(a, opParams), asImages(b, opParams)];
  const [width, height, channels] = kernel.ne;
  const { stride, padding, dilation } = patchSteps(opParams);
  const count = (d: 0 | 1): number =>
    Math.trunc((image.ne[d] + 2 * padding[d] - dilation[d] * (kernel.ne[d] - 1) - 1) / stride[d]) + 1;
  const flat = isFlat(opParams);
  const patches: Dims = [width * height * channels, count(0), flat ? count(1) : 1, image.ne[3]];
  return firstOf(
    needMovable(node, 1),
    needFloatResult(node),
    !(stride[0] > 0 && (!flat || stride[1] > 0)) && `a stride of ${stride.join(', ')}`,
    !dilation.every((d) => d >= 0) && `a dilation of ${dilation.join(', ')}`,
    channels !== image.ne[2] && `a kernel ${dimsText(a.ne)} for images ${dimsText(b.ne)}`,
    !flat && b.ne[3] * dst.ne[3] !== 1 && `${dimsText(b.ne)} to ${dimsText(dst.ne)}`,
    !sameExtents(asPatches(dst, opParams).ne, patches) && `${dimsText(patches)} patches do not fit ${dimsText(dst.ne)}`,
    // ggml reads them as if there were none
    !isContiguous({ type: b.type, ne: [image.ne[0], image.ne[1], 1, 1], nb: image.nb }) && 'images with gaps',
  );
}

function im2col(call: OpCall): void {
  const { opParams, dst } = call;
  const [width, height] = asImages(sourceOf(call, 0), opParams).ne;
  const source = sourceOf(call, 1);
  const values = gatherF32(source);
  const [columns, rows, channels] = asImages(source, opParams).ne;
  const { stride, padding, dilation } = patchSteps(opParams);
  const out = new Float32Array(elementCount(dst.ne));
  let at = 0;
  forEachRow(asPatches(dst, opParams).ne, (i, j, n) => {
    for (let c = 0; c < channels; c++) {
      const plane = (n * channels + c) * rows;
      for (let y = 0; y < height; y++) {
        const row = j * stride[1] + y * dilation[1] - padding[1];
        for (let x = 0; x < width; x++, at++) {
          const column = i * stride[0] + x * dilation[0] - padding[0];
          const isInside = row >= 0 && row < rows && column >= 0 && column < columns;
          if (isInside) out[at] = values[(plane + row) * columns + column] as number;
        }
      }
    }
  });
  scatterF32(dst, out);
}

function checkTransposed(node: OpShape): string | undefined {
  const [kernel, x] = node.src;
  if (!kernel || !x) return `source ${kernel ? 1 : 0} is missing`;
  const [stride, padding, dilation] = [0, 1, 2].map((i) => intParam(node.opParams, i)) as [number, number, number];
  const [taps, outputs, channels] = kernel.ne;
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    needFloatResult(node),
    (stride < 1 || padding !== 0 || dilation !== 1) && `stride ${stride}, padding ${padding}, dilation ${dilation}`,
    (kernel.ne[3] !== 1 || x.ne[1] !== channels || x.ne[2] * x.ne[3] !== 1) &&
      `a kernel ${dimsText(kernel.ne)} for ${dimsText(x.ne)}`,
    needResult(node, [(x.ne[0] - 1) * stride + taps, outputs, 1, 1]),
  );
}

function convTranspose1d(call: OpCall): void {
  const { dst, arithmetic } = call;
  const source = sourceOf(call, 0);
  const [taps, outputs, channels] = source.ne;
  const kernel = gatherF32(source);
  const x = gatherF32(sourceOf(call, 1));
  const [length] = sourceOf(call, 1).ne;
  if (arithmetic === 'ggml' && source.type === 'F16') roundActivations('F16', x, 0, x.length);
  const stride = intParam(call.opParams, 0);
  const sums = intermediates(arithmetic, dst.ne[0]);
  const r = intermediateRounding(arithmetic);
  for (let o = 0; o < outputs; o++) {
    sums.fill(0);
    for (let j = 0; j < length; j++) {
      for (let k = 0; k < taps; k++) {
        let dot = 0;
        for (let c = 0; c < channels; c++) {
          dot += (x[c * length + j] as number) * (kernel[(c * outputs + o) * taps + k] as number);
        }
        sums[j * stride + k]! += r(dot);
      }
    }
    dst.writeRow(o, 0, 0, Float32Array.from(sums), 0);
  }
}

/** ggml's numbers of POOL_1D's functions. */
export const POOL = { MAX: 0, AVG: 1 } as const;

/** POOL_1D's function and its windows. */
export function poolOf(opParams: readonly number[]): Record<'pooling' | 'taps' | 'stride' | 'padding', number> {
  const [pooling, taps, stride, padding] = [0, 1, 2, 3].map((i) => intParam(opParams, i)) as unknown as Dims;
  return { pooling, taps, stride, padding };
}

/** −FLT_MAX */
const LEAST_MAXIMUM = f32FromBits(0xff7fffff);

function checkPool(node: OpShape): string | undefined {
  const [x] = node.src;
  if (!x) return 'source 0 is missing';
  const { pooling, taps, stride } = poolOf(node.opParams);
  const { ne, nb } = x;
  return firstOf(
    needDecodable(node, 0),
    needFloatResult(node),
    pooling !== POOL.MAX && pooling !== POOL.AVG && `function ${pooling}`,
    (taps < 1 || stride < 1) && `${taps} elements in steps of ${stride}`,
    // the number of windows is ggml's, which counts them in f32
    needResult(node, [node.dst.ne[0], ne[1], ne[2], ne[3]]),
    // ggml reads all rows nb[1] apart
    !(hasDenseRows(x) && [2, 3].every((d) => ne[d] === 1 || nb[d] === ne[d - 1]! * nb[d - 1]!)) && 'planes with gaps',
  );
}

function pool(call: OpCall): void {
  const source = sourceOf(call, 0);
  const { pooling, taps, stride, padding } = poolOf(call.opParams);
  const combine = pooling === POOL.MAX ? maximum : mean;
  const r = intermediateRounding(call.arithmetic);
  const row = new Float32Array(source.ne[0]);
  const out = new Float32Array(call.dst.ne[0]);
  forEachRow(call.dst.ne, (i1, i2, i3) => {
    source.readRow(i1, i2, i3, row, 0);
    for (let i = 0; i < out.length; i++) {
      const first = i * stride - padding;
      out[i] = combine(row.subarray(Math.max(first, 0), Math.max(first + taps, 0)), r);
    }
    call.dst.writeRow(i1, i2, i3, out, 0);
  });
}

/** As `std::max`: of equals the later; a NaN gives way to what comes after it. */
function maximum(values: Float32Array): number {
  return values.reduce((greatest, x) => (x < greatest ? greatest : x), LEAST_MAXIMUM);
}

function mean(values: Float32Array, r: Rounding): number {
  return values.length === 0 ? 0 : r(values.reduce((sum, x) => r(sum + x), 0) / values.length);
}
