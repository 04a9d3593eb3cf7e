import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, valuesOf } from '../../site';
import { isChannelWeight, operand, siblings, weightName } from './operands';

/** Tensors whose biases engines mix up. */
const BIASES = [
  'attn_q',
  'attn_k',
  'attn_v',
  'attn_qkv',
  'attn_output',
  'ffn_gate',
  'ffn_up',
  'ffn_down',
  'attn_norm',
  'ffn_norm',
];

export const BIAS: Hypothesis = {
  id: 'bias',
  title: 'bias dropped or misapplied',
  explanation:
    'The bias after a mat-mul or norm is left out, added twice, of the wrong sign, or another tensor’s. The difference to ' +
    'the right result is the same vector for every token.',
  whereToLook:
    'Whether the engine loads and adds this bias at all (Q, K and V of Qwen2 have one, most others none), and which ' +
    'tensor it takes.',
  citations: ['sbryngelson/ANEForge#253', 'huggingface/transformers#35060'],
  catalogue: [33],
  generality: 1,
  *variants(site) {
    if (site.node.kind !== 'ADD' || !isChannelWeight(site, 1)) return;
    const name = weightName(site, 1);
    const right = name ?? 'the bias';
    const at = (label: string, change: (b: Float32Array) => Float32Array): Variant => ({
      label,
      parameters: { bias: label, right },
      predict: (s) => withBias(s, change),
    });
    yield { label: 'dropped', parameters: { bias: 'none', right }, predict: (s) => valuesOf(s, 0).slice() };
    yield at('added twice', (b) => b.map((v) => 2 * v));
    yield at('subtracted', (b) => b.map((v) => -v));
    yield at('shifted by one channel', (b) => b.map((_, i) => b[(i + 1) % b.length]!));
    yield at('shifted by one channel back', (b) => b.map((_, i) => b[(i + b.length - 1) % b.length]!));
    yield at('its first value for all', (b) => b.map(() => b[0]!));
    yield perElement('indexed by row', right, (x, b, i, n) => x + b[Math.floor(i / n) % b.length]!);
    yield perElement('added to the first row only', right, (x, b, i, n) => (i < n ? x + b[i]! : x));
    yield perElement('multiplied', right, (x, b, i, n) => x * b[i % n]!);
    for (const other of name === undefined ? [] : siblings(site.weights, name, BIASES)) {
      yield {
        label: `of ${other.label}`,
        parameters: { bias: other.name, right },
        predict: (s) => withBias(s, () => other.values),
      };
    }
  },
};

function withBias(site: Site, change: (b: Float32Array) => Float32Array): Float32Array {
  const bias = operand(site, 1);
  return bias ? evaluateChanged(site, { sources: new Map([[1, change(bias)]]) }) : site.right;
}

function perElement(
  label: string,
  right: string,
  f: (x: number, bias: Float32Array, i: number, n: number) => number,
): Variant {
  return {
    label,
    parameters: { bias: label, right },
    predict: (s) => {
      const bias = operand(s, 1);
      const [n] = s.node.ne;
      return bias ? valuesOf(s, 0).map((x, i) => f(x, bias, i, n)) : s.right;
    },
  };
}

export const EXPERT_BIAS: Hypothesis = {
  id: 'expert-bias',
  title: 'bias of an expert dropped or of another expert',
  explanation: 'The bias that belongs to the chosen expert is left out, or another expert’s is added.',
  whereToLook:
    'Which row of the experts’ biases is added: that of the chosen expert, not of its place among the chosen.',
  citations: [],
  catalogue: [33],
  generality: 1,
  *variants({ node: { kind, src }, graph }) {
    if (kind !== 'ADD_ID') return;
    const experts = src[1] === undefined ? 0 : (graph.tensors[src[1]]?.ne[1] ?? 0);
    yield { label: 'dropped', parameters: { bias: 'none' }, predict: (s) => valuesOf(s, 0).slice() };
    const withIds = (label: string, id: (id: number, slot: number) => number): Variant => ({
      label,
      parameters: { bias: label, right: 'of the chosen expert' },
      predict: (s) => evaluateChanged(s, { sources: new Map([[2, chosenIds(s, id)]]) }),
    });
    yield withIds('of the first expert', () => 0);
    yield withIds('of the next expert', (id) => (id + 1) % experts);
    yield withIds('of the expert before', (id) => (id + experts - 1) % experts);
    yield withIds('by place among the chosen', (_, slot) => slot % experts);
  },
};

/** The ids of source 2, replaced. */
function chosenIds(site: Site, change: (id: number, slot: number) => number): Float32Array {
  const slots = site.node.ne[1];
  return valuesOf(site, 2).map((id, i) => change(id, i % slots));
}
