/**
 * FLASH_ATTN_EXT: attention of each row of q over all rows of k and v, in one op. Sources: q [DK, tokens, heads, batch],
 * k [DK, n_kv, kv heads, batch], v [DV, n_kv, kv heads, batch], mask [n_kv, ≥ tokens, …] and one sink per head; k, v and
 * mask are repeated, k and v for consecutive heads, the mask in turns. Result: [DV, heads, tokens, batch].
 * op_params: scale, max_bias (ALiBi), logit_softcap, precision (of accumulators; asks nothing of this lane).
 *
 *     z_j = softcap × tanh(scale × q·k_j / softcap) + slope × mask_j      (scale × q·k_j + … without a softcap)
 *     result = Σ exp(z_j − M) v_j / (Σ exp(z_j − M) + exp(sink − M)),  M = max(z, sink);  0 where all are masked
 *
 * Source: `ggml_flash_attn_ext` in ggml.c, `ggml_compute_forward_flash_attn_ext_f16` in ggml-cpu/ops.cpp.
 *
 * `exact`: all in f64. `ggml`: q converted to k's dot type, q·k in f64 and rounded to f32, then the online soft max in
 * f32 over j ascending; the sum of v in F16 where v is F16, in f32 otherwise. From 64 tokens on, k and v both F32 or F16,
 * ggml works on tiles: q stays F32, and so does the sum. Tiles need DV to fill a vector, 16 values with AVX-512, which
 * this follows; with AVX2 it is 8. Of Q8_1 the rounding of block sums is left out (quant/activations.ts).
 */
import { f16ToF32, f32ToF16 } from '../base/float-bits';
import type { DotType } from '../quant/activations';
import { convertActivations, dotExtension, dotTypeOf } from '../quant/activations';
import { alibiSlopes } from './alibi';
import { dot } from './dot';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, intParam, needDecodable, needExtents, needFloatResult, sourceOf } from './op';
import type { RowSource } from './operand';
import type { TensorShape } from './tensor-shape';
import { dimsText, hasDenseRows, isFloat } from './tensor-shape';

export const FLASH_ATTN_EXT_OP: InlineOp = { how: 'inline', check, compute };

/** `GGML_PREC_DEFAULT` and `GGML_PREC_F32` of ggml.h. */
const PRECISIONS = [0, 10];

function check(node: OpShape): string | undefined {
  const [q, k, v, mask, sinks] = node.src;
  if (!q || !k || !v) return 'q, k or v is missing';
  const precision = intParam(node.opParams, 3);
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    needDecodable(node, 2),
    needFloatResult(node),
    needExtents({ ...node, src: [node.dst] }, 0, [v.ne[0], q.ne[2], q.ne[1], q.ne[3]]),
    (k.ne[0] !== q.ne[0] || !repeats(k, q)) && `k ${dimsText(k.ne)} does not fit q ${dimsText(q.ne)}`,
    (v.ne[1] !== k.ne[1] || !repeats(v, q)) && `v ${dimsText(v.ne)} does not fit k ${dimsText(k.ne)}`,
    [k, v].some((t) => !isFloat(t.type) && !hasDenseRows(t)) && 'strided blocks',
    mask && checkMask(node, mask, k.ne[1], q),
    !mask && floatParam(node.opParams, 1) > 0 && 'max_bias without a mask',
    sinks && needDecodable(node, 4),
    sinks && sinks.ne[0] < q.ne[2] && `${sinks.ne[0]} sinks for ${q.ne[2]} heads`,
    !PRECISIONS.includes(precision) && `precision ${precision}`,
  );
}

function repeats(t: TensorShape, q: TensorShape): boolean {
  return q.ne[2] % t.ne[2] === 0 && q.ne[3] % t.ne[3] === 0;
}

function checkMask(node: OpShape, mask: TensorShape, keys: number, q: TensorShape): string | undefined {
  const fits = mask.ne[0] >= keys && mask.ne[1] >= q.ne[1] && repeats(mask, q);
  return needDecodable(node, 3) ?? (fits ? undefined : `a mask of ${dimsText(mask.ne)} for ${keys} keys`);
}

function compute(call: OpCall): void {
  const q = sourceOf(call, 0);
  const mask = call.src[3];
  const [channels, tokens, heads, batches] = q.ne;
  const attend = call.arithmetic === 'ggml' ? ggmlAttention(call) : exactAttention(call);
  const keysOf = matrices(sourceOf(call, 1), q);
  const valuesOf = matrices(sourceOf(call, 2), q);
  const slopes = alibiSlopes(heads, floatParam(call.opParams, 1), call.arithmetic);
  const sinks = sinkValues(call, heads);
  const query = new Float32Array(channels);
  const maskRow = mask && new Float32Array(mask.ne[0]);
  const out = new Float32Array(call.dst.ne[0]);
  for (let i3 = 0; i3 < batches; i3++) {
    for (let h = 0; h < heads; h++) {
      const keys = keysOf(h, i3);
      const values = valuesOf(h, i3);
      const slope = slopes[h] as number;
      for (let i1 = 0; i1 < tokens; i1++) {
        q.readRow(i1, h, i3, query, 0);
        if (maskRow) mask.readRow(i1, h % mask.ne[2], i3 % mask.ne[3], maskRow, 0);
        attend({ query, keys, values, mask: maskRow, slope, sink: sinks[h] as number }, out);
        call.dst.writeRow(h, i1, i3, out, 0);
      }
    }
  }
}

/** What one row of q meets. */
interface Row {
  readonly query: Float32Array;
  /** Rows of k and v, one after another. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly mask: Float32Array | undefined;
  readonly slope: number;
  /** −∞ where there is none. */
  readonly sink: number;
}

type Attend = (row: Row, out: Float32Array) => void;

/** A head's rows of k or v, decoded; consecutive heads that share them get the same array. */
function matrices(t: RowSource, q: TensorShape): (head: number, batch: number) => Float32Array {
  const [n, rows] = t.ne;
  const repeat2 = q.ne[2] / t.ne[2];
  const repeat3 = q.ne[3] / t.ne[3];
  const matrix = new Float32Array(n * rows);
  let held = '';
  return (head, batch) => {
    const i2 = Math.floor(head / repeat2);
    const i3 = Math.floor(batch / repeat3);
    if (held !== `${i2} ${i3}`) for (let i1 = 0; i1 < rows; i1++) t.readRow(i1, i2, i3, matrix, i1 * n);
    held = `${i2} ${i3}`;
    return matrix;
  };
}

function sinkValues(call: OpCall, heads: number): Float32Array {
  const source = call.src[4];
  if (!source) return new Float32Array(heads).fill(-Infinity);
  const sinks = new Float32Array(source.ne[0]);
  source.readRow(0, 0, 0, sinks, 0);
  return sinks;
}

function exactAttention(call: OpCall): Attend {
  const [channels, count] = sourceOf(call, 1).ne;
  const scale = floatParam(call.opParams, 0);
  const softcap = floatParam(call.opParams, 2);
  const width = call.dst.ne[0];
  const z = new Float64Array(count);
  const sum = new Float64Array(width);
  return ({ query, keys, values, mask, slope, sink }, out) => {
    let max = sink;
    for (let j = 0; j < count; j++) {
      const bias = mask ? slope * (mask[j] as number) : 0;
      const score = bias === -Infinity ? 0 : scale * dot(query, keys, j * channels, channels);
      z[j] = (softcap === 0 ? score : softcap * Math.tanh(score / softcap)) + bias;
      if ((z[j] as number) > max) max = z[j] as number;
    }
    sum.fill(0);
    let powers = sink === -Infinity ? 0 : Math.exp(sink - max);
    for (let j = 0; j < count; j++) {
      if (z[j] === -Infinity) continue;
      const p = Math.exp((z[j] as number) - max);
      powers += p;
      const at = j * width;
      for (let d = 0; d < width; d++) sum[d] = (sum[d] as number) + p * (values[at + d] as number);
    }
    for (let d = 0; d < width; d++) out[d] = powers === 0 ? 0 : (sum[d] as number) / powers;
  };
}

function ggmlAttention(call: OpCall): Attend {
  const [k, v] = [sourceOf(call, 1), sourceOf(call, 2)];
  const [channels, count] = k.ne;
  const r = Math.fround;
  const softcap = floatParam(call.opParams, 2);
  const scale = softcap === 0 ? floatParam(call.opParams, 0) : r(floatParam(call.opParams, 0) / softcap);
  const tiles = worksOnTiles(sourceOf(call, 0), k, v);
  const dotType: DotType = tiles ? 'F32' : (dotTypeOf(k.type) ?? 'F32');
  const store = !tiles && v.type === 'F16' ? (x: number) => f16ToF32(f32ToF16(x)) : r;
  const converted = new Float64Array(channels + dotExtension(dotType, channels));
  const sum = new Float32Array(call.dst.ne[0]);
  const shrink = (by: number): void => {
    for (let d = 0; d < sum.length; d++) sum[d] = store((sum[d] as number) * by);
  };
  return ({ query, keys, values, mask, slope, sink }, out) => {
    convertActivations(dotType, query, 0, channels, converted, 0);
    sum.fill(0);
    let powers = 0;
    let max = -Infinity;
    for (let j = 0; j < count; j++) {
      const bias = mask ? r(slope * (mask[j] as number)) : 0;
      if (bias === -Infinity) continue;
      const score = r(r(dot(converted, keys, j * channels, channels)) * scale);
      const z = r((softcap === 0 ? score : r(softcap * r(Math.tanh(score)))) + bias);
      const smaller = z > max ? r(Math.exp(r(max - z))) : 1;
      if (smaller !== 1) shrink(smaller);
      const p = z > max ? 1 : r(Math.exp(r(z - max)));
      if (z > max) max = z;
      const at = j * sum.length;
      for (let d = 0; d < sum.length; d++) sum[d] = store(r((sum[d] as number) + p * (values[at + d] as number)));
      powers = r(r(powers * smaller) + p);
    }
    const end = withSink(powers, max, sink);
    for (let d = 0; d < sum.length; d++) out[d] = r((sum[d] as number) * end.smaller) * end.inverse;
  };
}

/** The sum of powers with the sink's, inverted, and what the sink makes of the sum of values. */
function withSink(powers: number, max: number, sink: number): { readonly smaller: number; readonly inverse: number } {
  const r = Math.fround;
  if (sink === -Infinity) return { smaller: 1, inverse: powers === 0 ? 0 : r(1 / powers) };
  const smaller = sink > max ? r(Math.exp(r(max - sink))) : 1;
  const total = r(r(powers * smaller) + (sink > max ? 1 : r(Math.exp(r(sink - max)))));
  return { smaller, inverse: r(1 / total) };
}

const TILE_TOKENS = 64;
const VECTOR = 16;

function worksOnTiles(q: TensorShape, k: TensorShape, v: TensorShape): boolean {
  const plain = (k.type === 'F32' || k.type === 'F16') && k.type === v.type && q.type === 'F32';
  return plain && q.ne[1] >= TILE_TOKENS && v.ne[0] % VECTOR === 0;
}
