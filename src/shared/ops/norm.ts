/**
 * Normalisation of rows. Source: `ggml_compute_forward_norm_f32`, `ggml_compute_forward_rms_norm_f32` in
 * ggml-cpu/ops.cpp; op_params[0]: eps.
 *
 * `exact`: all in f64. `ggml`: squares rounded to f32, summed in f64 over i ascending; mean, variance and factor in f32.
 */
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, forEachRow, needDecodable, needExtents, needFloatResult, sourceOf } from './op';

/** dst = x / √(mean(x²) + eps) */
export const RMS_NORM_OP: InlineOp = { how: 'inline', check, compute: rmsNorm };

/** dst = (x − mean(x)) / √(variance(x) + eps) */
export const NORM_OP: InlineOp = { how: 'inline', check, compute: norm };

function check(node: OpShape): string | undefined {
  const eps = floatParam(node.opParams, 0);
  return firstOf(
    needDecodable(node, 0),
    needFloatResult(node),
    needExtents(node, 0, node.dst.ne),
    !(eps >= 0) && `eps is ${eps}`,
  );
}

function rmsNorm(call: OpCall): void {
  const source = sourceOf(call, 0);
  const eps = floatParam(call.opParams, 0);
  const r = intermediateRounding(call.arithmetic);
  const row = new Float32Array(source.ne[0]);
  forEachRow(source.ne, (i1, i2, i3) => {
    source.readRow(i1, i2, i3, row, 0);
    let sum = 0;
    for (let i = 0; i < row.length; i++) sum += r((row[i] as number) ** 2);
    const mean = r(sum / row.length);
    const factor = r(1 / r(Math.sqrt(r(mean + eps))));
    for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) * factor;
    call.dst.writeRow(i1, i2, i3, row, 0);
  });
}

function norm(call: OpCall): void {
  const source = sourceOf(call, 0);
  const eps = floatParam(call.opParams, 0);
  const r = intermediateRounding(call.arithmetic);
  const row = new Float32Array(source.ne[0]);
  const centred = new Float64Array(row.length);
  forEachRow(source.ne, (i1, i2, i3) => {
    source.readRow(i1, i2, i3, row, 0);
    let sum = 0;
    for (let i = 0; i < row.length; i++) sum += row[i] as number;
    const mean = r(r(sum) / row.length);
    let squares = 0;
    for (let i = 0; i < row.length; i++) {
      const v = r((row[i] as number) - mean);
      centred[i] = v;
      squares += r(v * v);
    }
    const variance = r(squares / row.length);
    const factor = r(1 / r(Math.sqrt(r(variance + eps))));
    for (let i = 0; i < row.length; i++) row[i] = (centred[i] as number) * factor;
    call.dst.writeRow(i1, i2, i3, row, 0);
  });
}
