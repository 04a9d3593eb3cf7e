import { decodeTensor } from '../../../gguf/decode-rows';
import type { GraphTensor } from '../../../graph/graph';
import { readersOf } from '../../../graph/readers';
import type { Hypothesis } from '../../hypothesis';
import type { Site } from '../../site';
import { producerOf, valuesOf } from '../../site';
import { isRowNorm } from './norm-site';
import { operand, weightName } from './operands';

export const QK_NORM_SKIPPED: Hypothesis = {
  id: 'qk-norm-skipped',
  title: 'norm of Q or K skipped',
  explanation:
    'Queries and keys go into the rotation as they come out of the projection. Models with a norm per head (Qwen3, ' +
    'Gemma 3, OLMo 2) need it on both; without it scores are of another size.',
  whereToLook: 'Whether attn_q_norm and attn_k_norm are loaded and applied, on every path (prompt, decode, GPU).',
  citations: ['Integral2u/SharpMind#39'],
  catalogue: [34],
  generality: 1,
  *variants(site) {
    const which = whichNorm(site);
    if (!which) return;
    const skip = (s: Site): Float32Array => valuesOf(s, 0).slice();
    const parameters = { norm: 'none', right: `attn_${which}_norm` };
    yield { label: 'both skipped', parameters: { norm: 'none', right: 'attn_q_norm and attn_k_norm' }, predict: skip };
    yield { label: `${which.toUpperCase()} skipped`, parameters, predict: skip };
    if (site.node.kind !== 'MUL') return;
    yield {
      label: `${which.toUpperCase()} normalised with the other’s weight`,
      parameters: { norm: which === 'q' ? 'attn_k_norm' : 'attn_q_norm', right: `attn_${which}_norm` },
      predict: (s) => withOther(s, which),
    };
  },
};

/** Whose norm, or whose norm's weight, the site computes. */
function whichNorm(site: Site): 'q' | 'k' | undefined {
  const { node } = site;
  if (node.kind === 'MUL' && isRowNorm(producerOf(site, 0)?.kind ?? 'NONE')) return whichWeight(weightName(site, 1));
  if (!isRowNorm(node.kind)) return undefined;
  const weighted = readersOf(site.graph, node).find((t) => t.kind === 'MUL');
  return weighted && whichWeight(nameOfWeight(site, weighted));
}

function nameOfWeight({ graph }: Site, mul: GraphTensor): string | undefined {
  const [, w] = mul.src;
  return w === undefined ? undefined : graph.tensors[w]?.name;
}

function whichWeight(name: string | undefined): 'q' | 'k' | undefined {
  const found = /attn_([qk])_norm/.exec(name ?? '')?.[1];
  return found === 'q' || found === 'k' ? found : undefined;
}

function withOther(site: Site, which: 'q' | 'k'): Float32Array {
  const own = operand(site, 1);
  const name = weightName(site, 1)?.replace(`attn_${which}_norm`, `attn_${which === 'q' ? 'k' : 'q'}_norm`);
  const tensor = name === undefined ? undefined : site.weights.tensor(name);
  if (!own || !tensor || tensor.ne[0] !== own.length) return site.right;
  const other = decodeTensor(tensor);
  return valuesOf(site, 0).map((x, i) => x * other[i % other.length]!);
}
