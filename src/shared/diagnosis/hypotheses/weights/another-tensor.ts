import type { WeightTensor } from '../../../gguf/model-source';
import type { Dims, GraphTensor } from '../../../graph/graph';
import { rowBytes } from '../../../quant/registry';
import { isDecodable } from '../../../ops/tensor-shape';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { resultLooksLike } from './channels';
import { dataOf, evaluateWith, wholeWeightOf } from './weight-site';

/** Tensors of one layer that are easily taken for each other. */
const SIBLINGS: readonly (readonly string[])[] = [
  ['attn_q', 'attn_k', 'attn_v', 'attn_output'],
  ['ffn_gate', 'ffn_up', 'ffn_down'],
  ['ffn_gate_exps', 'ffn_up_exps', 'ffn_down_exps'],
  ['ffn_gate_shexp', 'ffn_up_shexp', 'ffn_down_shexp'],
  ['attn_q_a', 'attn_kv_a_mqa', 'attn_q_b', 'attn_kv_b', 'attn_k_b', 'attn_v_b'],
  ['ssm_in', 'ssm_x', 'ssm_dt', 'ssm_out'],
];
/** Layers are looked for as far as there are any, and no further than this. */
const MOST_LAYERS = 256;

interface Candidate {
  readonly label: string;
  readonly name: string;
}

/** Names by GGUF's scheme: `blk.N.attn_q.weight`, `token_embd.weight`, `output.weight`. */
function* candidates(name: string, site: Site): Generator<Candidate> {
  if (name === 'output.weight') yield { label: 'token_embd for output', name: 'token_embd.weight' };
  if (name === 'token_embd.weight') yield { label: 'output for token_embd', name: 'output.weight' };
  const parsed = /^blk\.(\d+)\.(\w+)\.(\w+)$/.exec(name);
  if (!parsed) return;
  const [, layerText, part, suffix] = parsed as unknown as [string, string, string, string];
  const layer = Number(layerText);
  for (const group of SIBLINGS) {
    if (!group.includes(part)) continue;
    for (const sibling of group) {
      if (sibling !== part) yield { label: `${sibling} for ${part}`, name: `blk.${layer}.${sibling}.${suffix}` };
    }
  }
  const at = (n: number): string => `blk.${n}.${part}.${suffix}`;
  if (layer > 0) yield { label: 'the layer before', name: at(layer - 1) };
  yield { label: 'the layer after', name: at(layer + 1) };
  if (layer > 1) yield { label: 'layer 0', name: at(0) };
  // another layer still is only looked for where its numbers can be compared at once
  if (!site.wrong) return;
  for (let n = 1; n < MOST_LAYERS && site.weights.tensor(at(n)); n++) {
    if (Math.abs(n - layer) > 1) yield { label: `layer ${n}`, name: at(n) };
  }
}

/** As much of `data` as the shape asks for, from its start on: rows must be as long. */
function fitted(data: WeightTensor, ne: Dims): WeightTensor | undefined {
  const [k, rows, n2, n3] = data.ne;
  const isSame = ne.every((n, d) => n === data.ne[d]);
  if (isSame) return data;
  if (k !== ne[0] || rows < ne[1] || n2 * n3 * ne[2] * ne[3] !== 1) return undefined;
  return { ...data, ne, byteLength: rowBytes(data.type, ne[0]) * ne[1], copyInto: data.copyInto.bind(data) };
}

function usable(site: Site, weight: GraphTensor, name: string): WeightTensor | undefined {
  const data = name === weight.name ? undefined : site.weights.tensor(name);
  return data && isDecodable(data.type) ? fitted(data, weight.ne) : undefined;
}

export const ANOTHER_TENSOR: Hypothesis = {
  id: 'another-tensor',
  title: 'another tensor of the model is read',
  explanation:
    'The node multiplies with (or gathers from) a tensor of the same shape that belongs elsewhere: another layer, K for V, ' +
    'gate for up, the embedding for the output head. The op itself is right, and so is the tensor.',
  whereToLook:
    'The table from tensor name to pointer: layer numbers, the order of q, k, v, gate, up; output.weight is used where it ' +
    'exists and token_embd.weight only where it does not.',
  citations: ['vllm-project/vllm#53019', '1bit-MONSTER/1bit-MONSTER#319'],
  catalogue: [39],
  generality: 1,
  *variants(site) {
    const weight = wholeWeightOf(site);
    if (!weight) return;
    for (const { label, name } of candidates(weight.name, site)) {
      const data = usable(site, weight, name);
      if (!data || !resultLooksLike(site, data)) continue;
      const variant: Variant = {
        label,
        parameters: { tensor: name, right: weight.name },
        predict: (s) => evaluateWith(s, usable(s, weight, name) ?? dataOf(s, weight)),
      };
      yield variant;
    }
  },
};
