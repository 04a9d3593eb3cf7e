/**
 * Hyper-connections of DeepSeek V4: a token has `hc` streams of channels, which layers read a mix of and write back
 * into. Source: `ggml_dsv4_hc_*` in ggml.c, `ggml_compute_forward_dsv4_hc_*_f32` in ggml-cpu/ops.cpp.
 *
 * `exact`: all in f64. `ggml`: in f32, a product and the sum that it is added to in one rounding, as compilers fuse them.
 */
import type { Rounding } from './arithmetic';
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, intParam, needDecodable, needExtents, needFloatResult, sourceOf } from './op';

/**
 * COMB: how streams go into streams, a matrix whose rows and columns each sum to about 1 (Sinkhorn). Sources: mixes
 * [24, tokens], scale [≥ 3], base [24]; of each only the last part counts. op_params: eps, iterations. Result:
 * [to, from, tokens].
 *
 *     row `from`: soft max over `to` of mixes × scale[2] + base, + eps; then columns, (rows, columns) × (iterations − 1)
 *     are divided by their sum + eps
 */
export const DSV4_HC_COMB_OP: InlineOp = { how: 'inline', check: checkComb, compute: comb };

/** PRE: Σ_h x[i, h, t] × weights[h, t]. Sources: x [n, hc, tokens], weights [hc, tokens]. Result: [n, tokens]. */
export const DSV4_HC_PRE_OP: InlineOp = { how: 'inline', check: checkPre, compute: pre };

/**
 * POST: x[i, t] × post[to, t] + Σ_from residual[i, from, t] × comb[to, from, t]. Sources: x [n, tokens],
 * residual [n, hc, tokens], post [hc, tokens], comb [hc, hc, tokens]. Result: [n, hc, tokens].
 */
export const DSV4_HC_POST_OP: InlineOp = { how: 'inline', check: checkPost, compute: post };

/** Streams that ggml builds COMB for. */
const HC = 4;
/** mixes and base: hc weights of PRE, hc of POST, then hc × hc of COMB. */
const COMB_FIRST = 2 * HC;
const MIXES = COMB_FIRST + HC * HC;
/** Models iterate 20 times; a number beyond this comes from a damaged graph. */
const MOST_ITERATIONS = 10_000;

function checkComb(node: OpShape): string | undefined {
  const tokens = node.src[0]?.ne[1] ?? 0;
  const scale = node.src[1];
  const iterations = intParam(node.opParams, 1);
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    needDecodable(node, 2),
    needFloatResult(node),
    needExtents(node, 0, [MIXES, tokens, 1, 1]),
    scale && scale.ne[0] < 3 && `${scale.ne[0]} scales; 3 are expected`,
    needExtents(node, 2, [MIXES, 1, 1, 1]),
    needExtents({ ...node, src: [node.dst] }, 0, [HC, HC, tokens, 1]),
    (iterations < 1 || iterations > MOST_ITERATIONS) && `${iterations} iterations`,
  );
}

function comb(call: OpCall): void {
  const mixes = sourceOf(call, 0);
  const scale = rowOf(call, 1)[2] as number;
  const base = rowOf(call, 2);
  const eps = floatParam(call.opParams, 0);
  const iterations = intParam(call.opParams, 1);
  const r = intermediateRounding(call.arithmetic);
  const row = new Float32Array(MIXES);
  const matrix = new Float64Array(HC * HC);
  for (let t = 0; t < mixes.ne[1]; t++) {
    mixes.readRow(t, 0, 0, row, 0);
    for (let i = 0; i < matrix.length; i++) {
      matrix[i] = r((row[COMB_FIRST + i] as number) * scale + (base[COMB_FIRST + i] as number));
    }
    softMaxRows(matrix, eps, r);
    normalize(matrix, 1, HC, eps, r);
    for (let n = 1; n < iterations; n++) {
      normalize(matrix, HC, 1, eps, r);
      normalize(matrix, 1, HC, eps, r);
    }
    for (let from = 0; from < HC; from++) call.dst.writeRow(from, t, 0, Float32Array.from(matrix), from * HC);
  }
}

function softMaxRows(matrix: Float64Array, eps: number, r: Rounding): void {
  for (let at = 0; at < matrix.length; at += HC) {
    const row = matrix.subarray(at, at + HC);
    const max = row.reduce((a, b) => Math.max(a, b), -Infinity);
    for (let i = 0; i < HC; i++) row[i] = r(Math.exp(r((row[i] as number) - max)));
    const inverse = r(1 / row.reduce((sum, e) => r(sum + e), 0));
    for (let i = 0; i < HC; i++) row[i] = r((row[i] as number) * inverse + eps);
  }
}

/** Divides each line by its sum + eps: lines start `line` apart, their elements lie `step` apart. */
function normalize(matrix: Float64Array, line: number, step: number, eps: number, r: Rounding): void {
  for (let at = 0; at < HC * line; at += line) {
    let sum = eps;
    for (let i = 0; i < HC; i++) sum = r(sum + (matrix[at + i * step] as number));
    const inverse = r(1 / sum);
    for (let i = 0; i < HC; i++) matrix[at + i * step] = r((matrix[at + i * step] as number) * inverse);
  }
}

function rowOf(call: OpCall, index: number): Float32Array {
  const source = sourceOf(call, index);
  const row = new Float32Array(source.ne[0]);
  source.readRow(0, 0, 0, row, 0);
  return row;
}

function checkPre(node: OpShape): string | undefined {
  const [n, hc, tokens] = node.src[0]?.ne ?? [0, 0, 0];
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    needFloatResult(node),
    needExtents(node, 0, [n, hc, tokens, 1]),
    needExtents(node, 1, [hc, tokens, 1, 1]),
    needExtents({ ...node, src: [node.dst] }, 0, [n, tokens, 1, 1]),
  );
}

function pre(call: OpCall): void {
  const x = sourceOf(call, 0);
  const weights = sourceOf(call, 1);
  const [n, hc, tokens] = x.ne;
  const r = intermediateRounding(call.arithmetic);
  const row = new Float32Array(n);
  const weight = new Float32Array(hc);
  const sums = new Float64Array(n);
  for (let t = 0; t < tokens; t++) {
    weights.readRow(t, 0, 0, weight, 0);
    sums.fill(0);
    for (let h = 0; h < hc; h++) {
      x.readRow(h, t, 0, row, 0);
      addScaled(sums, row, weight[h] as number, r);
    }
    call.dst.writeRow(t, 0, 0, Float32Array.from(sums), 0);
  }
}

function checkPost(node: OpShape): string | undefined {
  const [n, hc, tokens] = node.src[1]?.ne ?? [0, 0, 0];
  return firstOf(
    ...[0, 1, 2, 3].map((i) => needDecodable(node, i)),
    needFloatResult(node),
    needExtents(node, 0, [n, tokens, 1, 1]),
    needExtents(node, 1, [n, hc, tokens, 1]),
    needExtents(node, 2, [hc, tokens, 1, 1]),
    needExtents(node, 3, [hc, hc, tokens, 1]),
    needExtents({ ...node, src: [node.dst] }, 0, [n, hc, tokens, 1]),
  );
}

function post(call: OpCall): void {
  const x = sourceOf(call, 0);
  const residual = sourceOf(call, 1);
  const weights = sourceOf(call, 2);
  const matrix = sourceOf(call, 3);
  const [n, hc, tokens] = residual.ne;
  const r = intermediateRounding(call.arithmetic);
  const row = new Float32Array(n);
  const weight = new Float32Array(hc);
  const mix = new Float32Array(hc * hc);
  const sums = new Float64Array(n);
  for (let t = 0; t < tokens; t++) {
    weights.readRow(t, 0, 0, weight, 0);
    for (let from = 0; from < hc; from++) matrix.readRow(from, t, 0, mix, from * hc);
    for (let to = 0; to < hc; to++) {
      sums.fill(0);
      x.readRow(t, 0, 0, row, 0);
      addScaled(sums, row, weight[to] as number, r);
      for (let from = 0; from < hc; from++) {
        residual.readRow(from, t, 0, row, 0);
        addScaled(sums, row, mix[from * hc + to] as number, r);
      }
      call.dst.writeRow(to, t, 0, Float32Array.from(sums), 0);
    }
  }
}

/** sums += row × weight */
function addScaled(sums: Float64Array, row: Float32Array, weight: number, r: Rounding): void {
  for (let i = 0; i < row.length; i++) sums[i] = r((sums[i] as number) + (row[i] as number) * weight);
}
