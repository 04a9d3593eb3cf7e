/**
 * Normalisation over rows, or over groups of channels. Source: `ggml_compute_forward_norm_f32`, `…_rms_norm_f32`,
 * `…_l2_norm_f32`, `…_group_norm_f32` in ggml-cpu/ops.cpp. op_params: eps; GROUP_NORM: groups, eps.
 *
 * `exact`: all in f64. `ggml`: squares rounded to f32, summed in f64 over i ascending; mean, variance and factor in f32.
 */
import type { Rounding } from './arithmetic';
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, forEachRow, intParam, needDecodable, needExtents, needFloatResult, sourceOf } from './op';

/** dst = x / √(mean(x²) + eps) */
export const RMS_NORM_OP: InlineOp = { how: 'inline', check: checkRows, compute: rmsNorm };

/** dst = (x − mean(x)) / √(variance(x) + eps) */
export const NORM_OP: InlineOp = { how: 'inline', check: checkRows, compute: norm };

/** dst = x / max(√Σx², eps) */
export const L2_NORM_OP: InlineOp = { how: 'inline', check: checkRows, compute: l2Norm };

/** NORM over each group of channels (dimension 2): ⌈channels / groups⌉ in each, fewer or none in the last. */
export const GROUP_NORM_OP: InlineOp = { how: 'inline', check: checkGroups, compute: groupNorm };

function check(node: OpShape, eps: number): string | undefined {
  return firstOf(
    needDecodable(node, 0),
    needFloatResult(node),
    needExtents(node, 0, node.dst.ne),
    !(eps >= 0) && `eps is ${eps}`,
  );
}

function checkRows(node: OpShape): string | undefined {
  return check(node, floatParam(node.opParams, 0));
}

function checkGroups(node: OpShape): string | undefined {
  const groups = intParam(node.opParams, 0);
  return firstOf(check(node, floatParam(node.opParams, 1)), groups < 1 && `${groups} groups`);
}

/** Scales every row by a factor of its squares' sum. */
function scaleRows(call: OpCall, factorOf: (squares: number, n: number, r: Rounding) => number): void {
  const source = sourceOf(call, 0);
  const r = intermediateRounding(call.arithmetic);
  const row = new Float32Array(source.ne[0]);
  forEachRow(source.ne, (i1, i2, i3) => {
    source.readRow(i1, i2, i3, row, 0);
    let sum = 0;
    for (let i = 0; i < row.length; i++) sum += r((row[i] as number) ** 2);
    const factor = factorOf(sum, row.length, r);
    for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) * factor;
    call.dst.writeRow(i1, i2, i3, row, 0);
  });
}

function rmsNorm(call: OpCall): void {
  const eps = floatParam(call.opParams, 0);
  scaleRows(call, (squares, n, r) => r(1 / r(Math.sqrt(r(r(squares / n) + eps)))));
}

function l2Norm(call: OpCall): void {
  const eps = floatParam(call.opParams, 0);
  scaleRows(call, (squares, _n, r) => {
    const length = r(Math.sqrt(r(squares)));
    // fmaxf: a NaN gives way
    return r(1 / (length > eps ? length : eps));
  });
}

function norm(call: OpCall): void {
  const source = sourceOf(call, 0);
  const [n] = source.ne;
  const eps = floatParam(call.opParams, 0);
  const values = new Float32Array(n);
  forEachRow(source.ne, (i1, i2, i3) => {
    source.readRow(i1, i2, i3, values, 0);
    normalize(values, n, eps, intermediateRounding(call.arithmetic));
    call.dst.writeRow(i1, i2, i3, values, 0);
  });
}

function groupNorm(call: OpCall): void {
  const source = sourceOf(call, 0);
  const [n, rows, channels, batches] = source.ne;
  const size = Math.ceil(channels / intParam(call.opParams, 0));
  const eps = floatParam(call.opParams, 1);
  const values = new Float32Array(n * rows * size);
  for (let i3 = 0; i3 < batches; i3++) {
    for (let first = 0; first < channels; first += size) {
      const end = Math.min(first + size, channels);
      const position = (i1: number, i2: number): number => ((i2 - first) * rows + i1) * n;
      for (let i2 = first; i2 < end; i2++) {
        for (let i1 = 0; i1 < rows; i1++) source.readRow(i1, i2, i3, values, position(i1, i2));
      }
      normalize(values, n * rows * (end - first), eps, intermediateRounding(call.arithmetic));
      for (let i2 = first; i2 < end; i2++) {
        for (let i1 = 0; i1 < rows; i1++) call.dst.writeRow(i1, i2, i3, values, position(i1, i2));
      }
    }
  }
}

/** (x − mean) / √(variance + eps) of the first `n` values, in place. */
function normalize(values: Float32Array, n: number, eps: number, r: Rounding): void {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i] as number;
  const mean = r(r(sum) / n);
  const centred = new Float64Array(n);
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const v = r((values[i] as number) - mean);
    centred[i] = v;
    squares += r(v * v);
  }
  const factor = r(1 / r(Math.sqrt(r(r(squares / n) + eps))));
  for (let i = 0; i < n; i++) values[i] = (centred[i] as number) * factor;
}
