/**
 * LIGHTNING_INDEXER: how much a token wants to see a key, for sparse attention. Sources: q [n, heads, tokens, streams],
 * k [n, 1, keys, streams], weights [heads, tokens, 1, streams], mask [keys, tokens, 1, streams or fewer, in turns].
 * Result: [keys, tokens, 1, streams].
 *
 *     result = Σ_h max(q_h·k, 0) × weight_h + mask
 *
 * Source: `ggml_lightning_indexer` in ggml.c, `ggml_compute_forward_lightning_indexer` in ggml-cpu/ops.cpp.
 *
 * `exact`: all in f64. `ggml`: q·k in f64 and rounded to f32, then each step in f32, over h ascending.
 */
import { intermediateRounding } from './arithmetic';
import { dot } from './dot';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, needDecodable, needExtents, needFloatResult, sourceOf } from './op';
import { dimsText, hasDenseRows, isFloat } from './tensor-shape';

export const LIGHTNING_INDEXER_OP: InlineOp = { how: 'inline', check, compute };

function check(node: OpShape): string | undefined {
  const [q, k, weights, mask] = node.src;
  if (!q || !k || !weights || !mask) return 'q, k, weights or mask is missing';
  const [n, heads, tokens, streams] = q.ne;
  const keys = k.ne[2];
  const maskFits = mask.ne[0] === keys && mask.ne[1] === tokens && mask.ne[2] === 1 && streams % mask.ne[3] === 0;
  return firstOf(
    needDecodable(node, 0),
    needDecodable(node, 1),
    needDecodable(node, 2),
    needDecodable(node, 3),
    needFloatResult(node),
    needExtents(node, 1, [n, 1, keys, streams]),
    needExtents(node, 2, [heads, tokens, 1, streams]),
    needExtents({ ...node, src: [node.dst] }, 0, [keys, tokens, 1, streams]),
    !maskFits && `a mask of ${dimsText(mask.ne)} for ${keys} keys and ${tokens} tokens`,
    !isFloat(k.type) && !hasDenseRows(k) && 'strided blocks',
  );
}

function compute(call: OpCall): void {
  const q = sourceOf(call, 0);
  const k = sourceOf(call, 1);
  const weights = sourceOf(call, 2);
  const mask = sourceOf(call, 3);
  const [n, heads, tokens, streams] = q.ne;
  const keys = k.ne[2];
  const r = intermediateRounding(call.arithmetic);
  const keyRows = new Float32Array(keys * n);
  const queries = Array.from({ length: heads }, () => new Float32Array(n));
  const weightRow = new Float32Array(heads);
  const row = new Float32Array(keys);
  for (let s = 0; s < streams; s++) {
    for (let j = 0; j < keys; j++) k.readRow(0, j, s, keyRows, j * n);
    for (let t = 0; t < tokens; t++) {
      for (let h = 0; h < heads; h++) q.readRow(h, t, s, queries[h] as Float32Array, 0);
      weights.readRow(t, 0, s, weightRow, 0);
      mask.readRow(t, 0, s % mask.ne[3], row, 0);
      for (let j = 0; j < keys; j++) {
        let score = 0;
        for (let h = 0; h < heads; h++) {
          const qk = Math.max(r(dot(queries[h] as Float32Array, keyRows, j * n, n)), 0);
          score = r(score + r(qk * (weightRow[h] as number)));
        }
        row[j] = score + (row[j] as number);
      }
      call.dst.writeRow(t, 0, s, row, 0);
    }
  }
}
