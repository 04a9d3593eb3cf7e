import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, sourceTensor, valuesOf } from '../../site';
import type { PartialSum } from './partial-sum-search';
import { likelyPartialSums } from './partial-sum-search';

/** Partial sums that can be tried without wrong numbers: whole subgroups and tiles. */
const USUAL: readonly PartialSum[] = [
  { kind: 'lanes', block: 64, count: 32 },
  { kind: 'lanes', block: 64, count: 33 },
  { kind: 'lanes', block: 32, count: 16 },
  { kind: 'lanes', block: 128, count: 64 },
];

export const PARTIAL_SUMS: Hypothesis = {
  id: 'partial-sums',
  title: 'dot products miss a part of their terms',
  explanation:
    'Sums over k leave out terms: all after the first n, those before, or the same lanes of every block. It happens where ' +
    'a reduction covers fewer lanes than take part, or the last tile is cut.',
  whereToLook:
    'The reduction in your mat-mul: subgroup size assumed 32 or 64, partial subgroups, the loop’s bound where k is no ' +
    'multiple of the tile.',
  citations: ['ggml-org/llama.cpp#26708', 'ggml-org/llama.cpp#8549', 'ggml-org/llama.cpp#8311'],
  catalogue: [13, 24],
  generality: 2,
  *variants(site) {
    if (site.node.kind !== 'MUL_MAT') return;
    const length = sourceTensor(site, 1)?.ne[0] ?? 0;
    const found = site.wrong ? likelyPartialSums(site, site.wrong) : USUAL.filter(({ block }) => block < length);
    for (const partial of found) yield variant(partial, length);
    for (const tile of [32, 64, 128, 256, 512]) {
      const count = length - (length % tile);
      if (count > 0 && count < length) yield variant({ kind: 'first', block: length, count }, length);
    }
  },
};

function variant(partial: PartialSum, length: number): Variant {
  const { kind, block, count } = partial;
  const label =
    kind === 'lanes'
      ? `${count} of every ${block} terms`
      : kind === 'first'
        ? `the first ${count} terms`
        : `from term ${count} on`;
  return {
    label,
    parameters: { terms: label, right: length },
    predict: (s) => evaluateChanged(s, { sources: new Map([[1, withTerms(s, partial)]]) }),
  };
}

/** B with 0 in place of the terms that are left out. */
function withTerms(site: Site, { kind, block, count }: PartialSum): Float32Array {
  const length = sourceTensor(site, 1)?.ne[0] ?? 1;
  const out = valuesOf(site, 1).slice();
  for (let start = 0; start < out.length; start += length) {
    if (kind === 'first') out.fill(0, start + count, start + length);
    else if (kind === 'after') out.fill(0, start, start + count);
    else
      for (let at = count; at < length; at += block)
        out.fill(0, start + at, start + Math.min(length, at + block - count));
  }
  return out;
}
