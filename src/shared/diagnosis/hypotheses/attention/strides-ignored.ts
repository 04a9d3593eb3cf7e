import { QuarrelError } from '../../../base/errors';
import type { Dims } from '../../../graph/graph';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, isWeightSource, sourceTensor, valuesOf } from '../../site';
import { contiguousSteps, inMemoryOrder, isPermuted, readFrom, stepsOf } from './memory-order';

export const STRIDES_IGNORED: Hypothesis = {
  id: 'strides-ignored',
  title: 'a view is read as if it were contiguous',
  explanation:
    'A source is a view with swapped dimensions: [head_dim, heads, tokens] where memory holds [head_dim, tokens, heads], ' +
    'say, or a part of wider rows, such as Q in a fused Q, K and V. Read in memory order, heads and tokens are mixed; with one token all is right.',
  whereToLook: 'Whether this kernel uses the source’s strides, or whether the permute (cont) before it was skipped.',
  citations: ['ggml-org/llama.cpp#14580', 'ggml-org/llama.cpp#14582', 'ggml-org/llama.cpp#19338'],
  catalogue: [29],
  generality: 1,
  *variants(site) {
    const permuted = site.node.src.flatMap((_, index) => {
      const t = sourceTensor(site, index);
      return t && !isWeightSource(site, index) && site.source(index) && isPermuted(t) ? [index] : [];
    });
    for (const index of permuted) yield ignoring([index], `strides of source ${index}`);
    if (permuted.length > 1) yield ignoring(permuted, 'strides of all sources');
    for (let index = 0; index < site.node.src.length; index++) yield* inGaps(site, index);
  },
};

function ignoring(indices: readonly number[], label: string): Variant {
  return {
    label: `${label} ignored`,
    parameters: { sources: indices.join(', ') },
    predict: (s) => {
      const sources = new Map<number, Float32Array>();
      for (const index of indices) {
        const t = sourceTensor(s, index);
        if (t) sources.set(index, inMemoryOrder(t, valuesOf(s, index)));
      }
      return evaluateChanged(s, { sources });
    },
  };
}

/** A part of wider rows, such as Q in a fused Q, K and V: the step from row to row is not the view's own width. */
function* inGaps(site: Site, index: number): Iterable<Variant> {
  const t = sourceTensor(site, index);
  const memory = t && site.memory?.(index);
  const steps = t && stepsOf(t);
  if (!memory || !steps) return;
  const first = (t.viewOffs / t.nb[0]) * steps[0];
  const misread = (label: string, ownSteps: Dims, ownFirst: number): Variant => ({
    label: `${label} of source ${index} ignored`,
    parameters: { source: t.name, offset: ownFirst, rightOffset: first, row: ownSteps.join(', ') },
    predict: (s) => {
      const values = readFrom(s.memory?.(index) ?? memory, t.ne, ownSteps, ownFirst);
      if (!values) throw new QuarrelError(`${s.node.key}: source ${index} would be read past its memory`);
      return evaluateChanged(s, { sources: new Map([[index, values]]) });
    },
  });
  const dense = contiguousSteps(t.ne);
  const isDense = t.ne.every((n, d) => n === 1 || dense[d] === steps[d]);
  if (!isDense) yield misread('strides', dense, first);
  if (!isDense && first > 0) yield misread('strides and offset', dense, 0);
  if (first > 0) yield misread('offset', steps, 0);
}
