/**
 * SOFT_MAX over rows: p = exp(z − max z) / Σ exp(z − max z), z = x × scale + slope × mask.
 * op_params: scale, max_bias (ALiBi). Sources: scores, mask (F32 or F16; at least as many rows as the scores, repeated
 * over dimensions 2 and 3), sinks (one logit per head that only takes part in the sum).
 * Source: `ggml_compute_forward_soft_max_f32` in ggml-cpu/ops.cpp.
 *
 * `exact`: all in f64. `ggml`: z, z − max and exp rounded to f32, the sum in f64, its reciprocal in f32.
 * A row whose mask is −∞ throughout and that has no sink gives NaN, as in ggml; so does a row with +∞ or NaN in it.
 */
import type { Dims } from '../graph/graph';
import { alibiSlopes } from './alibi';
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, forEachRow, needDecodable, needExtents, needFloatResult, sourceOf } from './op';

export const SOFT_MAX_OP: InlineOp = { how: 'inline', check, compute };

function check(node: OpShape): string | undefined {
  const { dst, src } = node;
  const mask = src[1];
  const sinks = src[2];
  return firstOf(
    needDecodable(node, 0),
    needFloatResult(node),
    needExtents(node, 0, dst.ne),
    mask && needDecodable(node, 1),
    mask &&
      !maskFits(mask.ne, dst.ne) &&
      `a mask of [${mask.ne.join(', ')}] does not fit scores of [${dst.ne.join(', ')}]`,
    !mask && floatParam(node.opParams, 1) > 0 && 'max_bias without a mask',
    sinks && needDecodable(node, 2),
    sinks && sinks.ne[0] < dst.ne[2] && `${sinks.ne[0]} sinks for ${dst.ne[2]} heads`,
  );
}

function maskFits(mask: Dims, scores: Dims): boolean {
  const repeats = scores[2] % mask[2] === 0 && scores[3] % mask[3] === 0;
  return mask[0] === scores[0] && mask[1] >= scores[1] && repeats;
}

function compute(call: OpCall): void {
  const scores = sourceOf(call, 0);
  const [, mask, sinkSource] = call.src;
  const n = scores.ne[0];
  const scale = floatParam(call.opParams, 0);
  const slopes = alibiSlopes(scores.ne[2], floatParam(call.opParams, 1), call.arithmetic);
  const r = intermediateRounding(call.arithmetic);
  const sinks = sinkSource && new Float32Array(sinkSource.ne[0]);
  if (sinks) sinkSource.readRow(0, 0, 0, sinks, 0);
  const row = new Float32Array(n);
  const maskRow = new Float32Array(n);
  const z = new Float64Array(n);
  forEachRow(scores.ne, (i1, head, i3) => {
    scores.readRow(i1, head, i3, row, 0);
    if (mask) mask.readRow(i1, head % mask.ne[2], i3 % mask.ne[3], maskRow, 0);
    const slope = slopes[head] as number;
    const sink = sinks ? (sinks[head] as number) : -Infinity;
    let max = sink;
    for (let i = 0; i < n; i++) {
      const scaled = r((row[i] as number) * scale);
      const v = mask ? r(scaled + r(slope * (maskRow[i] as number))) : scaled;
      z[i] = v;
      if (v > max) max = v;
    }
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const e = r(Math.exp(r((z[i] as number) - max)));
      z[i] = e;
      sum += e;
    }
    if (sinks) sum += r(Math.exp(r(sink - max)));
    const factor = r(1 / sum);
    for (let i = 0; i < n; i++) row[i] = (z[i] as number) * factor;
    call.dst.writeRow(i1, head, i3, row, 0);
  });
}
