import { assert } from '../base/assert';

/**
 * Kullback–Leibler divergence KL(reference ‖ candidate) of the softmax distributions of two logit rows, in nats.
 * f64 throughout. NaN when either row holds a non-finite logit (−Inf, a forbidden token, is allowed on both sides).
 */
export function kullbackLeibler(reference: Float32Array, candidate: Float32Array): number {
  assert(reference.length === candidate.length, 'logit rows of different length');
  const logZr = logSumExp(reference);
  const logZc = logSumExp(candidate);
  let kld = 0;
  for (let i = 0; i < reference.length; i++) {
    const logP = reference[i]! - logZr;
    const p = Math.exp(logP);
    if (p > 0) kld += p * (logP - (candidate[i]! - logZc));
  }
  return Math.max(kld, 0);
}

function logSumExp(row: Float32Array): number {
  let max = -Infinity;
  for (let i = 0; i < row.length; i++) if (row[i]! > max) max = row[i]!;
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i]! - max);
  return max + Math.log(sum);
}

/** The `limit` largest logits, largest first; ties in index order; NaN never ranks. */
export function topLogits(row: Float32Array, limit: number): readonly { token: number; logit: number }[] {
  const best: { token: number; logit: number }[] = [];
  for (let token = 0; token < row.length; token++) {
    const logit = row[token]!;
    if (logit !== logit || (best.length === limit && logit <= best[limit - 1]!.logit)) continue;
    let slot = best.length;
    while (slot > 0 && best[slot - 1]!.logit < logit) slot--;
    best.splice(slot, 0, { token, logit });
    if (best.length > limit) best.pop();
  }
  return best;
}
