import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { divide, logits, softMaxRows } from './soft-max-rows';

export const SOFT_MAX_PARTIAL: Hypothesis = {
  id: 'soft-max-partial',
  title: 'soft-max looks at only some of the keys',
  explanation:
    'The sum, or the whole soft-max, runs over the first n keys only: a reduction that misses lanes, or a bound of the ' +
    'loop. Rows that see at most n keys are right.',
  whereToLook:
    'The reduction over keys: workgroup size against number of keys, partial subgroups, the bound of the last tile.',
  citations: ['ggml-org/llama.cpp#26708', 'tenstorrent/tt-metal#54413'],
  catalogue: [24, 43],
  generality: 2,
  *variants(site) {
    if (site.node.kind !== 'SOFT_MAX') return;
    const [keys, tokens] = site.node.ne;
    const counts = site.wrong ? likelyCounts(site, site.wrong) : new Set([32, 64, 128, 256, tokens]);
    for (const count of counts) {
      if (count <= 0 || count >= keys) continue;
      yield partial(count, true);
      yield partial(count, false);
    }
  },
};

function partial(count: number, hides: boolean): Variant {
  const label = hides ? `only the first ${count} keys are seen` : `the sum has only the first ${count} keys`;
  const predict = (site: Site): Float32Array =>
    softMaxRows(site, (row, out) => {
      let max = logits(row, out);
      if (hides) out.fill(-Infinity, count);
      if (hides) max = Math.max(row.sink, ...out.subarray(0, count));
      let sum = row.sink === -Infinity ? 0 : Math.exp(row.sink - max);
      for (let k = 0; k < out.length; k++) {
        out[k] = Math.exp((out[k] as number) - max);
        if (k < count) sum += out[k] as number;
      }
      divide(out, sum);
    });
  return { label, parameters: { keys: count, right: 'all' }, predict };
}

/**
 * Two counts that the row with the largest error suggests: how far its probabilities go, and where its sum must end so
 * that all of them are too large by the ratio seen.
 */
function likelyCounts(site: Site, wrong: Float32Array): readonly number[] {
  const [keys] = site.node.ne;
  const { right } = site;
  let worst = 0;
  let most = -1;
  for (let at = 0; at < wrong.length; at += keys) {
    let error = 0;
    for (let k = at; k < at + keys; k++) {
      const d = (wrong[k] as number) - (right[k] as number);
      if (site.mask?.[k] !== 0 && Number.isFinite(d)) error += d * d;
    }
    if (error > most) [worst, most] = [at, error];
  }
  const w = wrong.subarray(worst, worst + keys);
  const r = right.subarray(worst, worst + keys);
  const reach = w.findLastIndex((x) => x > 0) + 1;
  const peak = r.indexOf(Math.max(...r));
  const ratio = (r[peak] as number) / (w[peak] as number);
  let end = 0;
  let sum = 0;
  let nearest = Infinity;
  for (let k = 0; k < keys; k++) {
    sum += r[k] as number;
    if (Math.abs(sum - ratio) >= nearest) continue;
    nearest = Math.abs(sum - ratio);
    end = k + 1;
  }
  return [...new Set([reach, end])];
}
