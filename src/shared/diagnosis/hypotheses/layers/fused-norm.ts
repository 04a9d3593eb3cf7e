import type { GraphTensor } from '../../../graph/graph';
import { memoryOwner, tensorOf } from '../../../graph/graph';
import { sameExtents } from '../../../ops/tensor-shape';
import type { Hypothesis } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, producerOf } from '../../site';
import { isRowNorm } from './norm-site';

export const FUSED_NORM_INPUT: Hypothesis = {
  id: 'fused-norm-input',
  title: 'the norm reads one term of the residual sum in place of the sum',
  explanation:
    'A kernel that adds and normalises in one step takes the norm of what came in, before the addition: of the branch ' +
    'alone, or of the stream alone. The sum that is handed on is right.',
  whereToLook:
    'The fused add-and-norm kernel: which buffer the reduction reads, and whether the sum is written before it is read. ' +
    'Run the two ops one by one: the error should go.',
  citations: ['ggml-org/llama.cpp#17032', 'ggml-org/llama.cpp#15660', 'ggml-org/llama.cpp#16577'],
  catalogue: [41],
  generality: 2,
  *variants(site) {
    const sum = isRowNorm(site.node.kind) ? producerOf(site, 0) : undefined;
    if (sum?.kind !== 'ADD' || !sameExtents(sum.ne, site.node.ne)) return;
    for (const index of [0, 1]) {
      const term = termOf(site, sum, index);
      const values = term && site.earlier?.(term);
      if (!term || !values) continue;
      yield {
        label: `norm of term ${index}`,
        parameters: { input: term.name, right: sum.name },
        predict: (s) => evaluateChanged(s, { sources: new Map([[0, s.earlier?.(term) ?? values]]) }),
      };
    }
  },
};

/** The node that computed a term of the sum, where all of it is the term. */
function termOf({ graph }: Site, sum: GraphTensor, index: number): GraphTensor | undefined {
  const id = sum.src[index];
  if (id === undefined) return undefined;
  const owner = memoryOwner(graph, tensorOf(graph, id));
  return owner.role === 'node' && sameExtents(owner.ne, sum.ne) ? owner : undefined;
}
