import { layerOf } from '../../../graph/graph';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, producerOf, valuesOf } from '../../site';
import { isChannelWeight, operand, siblings, weightName } from './operands';
import { isNorm } from './norm-site';

/** Norms whose weights engines mix up. */
const NORMS = [
  'attn_norm',
  'ffn_norm',
  'post_attention_norm',
  'post_ffw_norm',
  'attn_q_norm',
  'attn_k_norm',
  'attn_norm_2',
  'attn_q_a_norm',
  'attn_kv_a_norm',
];

/** Whether the site multiplies a norm's result by a weight per channel. */
function isNormWeight(site: Site): boolean {
  if (site.node.kind !== 'MUL' || !isChannelWeight(site, 1)) return false;
  return isNorm(producerOf(site, 0)?.kind ?? 'NONE');
}

/** The weight, with each of its values replaced. */
function withWeight(site: Site, change: (w: Float32Array) => Float32Array): Float32Array {
  const w = operand(site, 1);
  return w ? evaluateChanged(site, { sources: new Map([[1, change(w)]]) }) : site.right;
}

export const NORM_OFFSET: Hypothesis = {
  id: 'norm-offset',
  title: 'the 1 of a Gemma norm added twice or not at all',
  explanation:
    'Gemma multiplies by 1 + weight. Converters add the 1 when they write the file, so an engine that adds it again ' +
    'multiplies by w + 1, and one whose file lacks it by w − 1. Every channel is off by its own ratio.',
  whereToLook:
    'Where the norm’s weight is loaded or applied: add 1 either in the converter or in the kernel, for every norm, that ' +
    'before the output head too.',
  citations: ['kekzl/imp#459', 'utensils/mold#1078', 'vllm-project/vllm#31464', 'kekzl/imp#1289'],
  catalogue: [30, 31],
  generality: 1,
  *variants(site) {
    if (!isNormWeight(site)) return;
    for (const [label, offset] of [
      ['added twice', 1],
      ['missing', -1],
    ] as const) {
      yield {
        label,
        parameters: { factor: `w ${offset > 0 ? '+' : '−'} 1`, right: 'w', where: whereText(site) },
        predict: (s) => withWeight(s, (w) => w.map((v) => v + offset)),
      };
    }
  },
};

function whereText({ node }: Site): string {
  return layerOf(node.name) === undefined ? 'outside layers' : 'in layers';
}

export const NORM_WEIGHT: Hypothesis = {
  id: 'norm-weight',
  title: 'a norm’s weight left out, or another one',
  explanation:
    'The normalised row is multiplied by the wrong weights: none, those of another norm or layer, squared, or shifted ' +
    'along the channels. The ratio to the right result is the same for all tokens.',
  whereToLook: 'Which tensor is bound to this norm, by name, and how the kernel indexes it.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (!isNormWeight(site)) return;
    const name = weightName(site, 1);
    const right = name ?? 'the norm’s weight';
    const at = (label: string, change: (w: Float32Array) => Float32Array): Variant => ({
      label,
      parameters: { weight: label, right },
      predict: (s) => withWeight(s, change),
    });
    yield { label: 'none', parameters: { weight: 'none', right }, predict: (s) => valuesOf(s, 0).slice() };
    yield at('squared', (w) => w.map((v) => v * v));
    yield at('inverted', (w) => w.map((v) => 1 / v));
    yield at('shifted by one channel', (w) => w.map((_, i) => w[(i + 1) % w.length]!));
    yield at('shifted by one channel back', (w) => w.map((_, i) => w[(i + w.length - 1) % w.length]!));
    yield at('its first value for all', (w) => w.map(() => w[0]!));
    yield at('reversed', (w) => w.slice().reverse());
    yield { label: 'by row', parameters: { weight: 'indexed by row, not by channel', right }, predict: byRow };
    for (const other of name === undefined ? [] : siblings(site.weights, name, NORMS)) {
      yield {
        label: `of ${other.label}`,
        parameters: { weight: other.name, right },
        predict: (s) => withWeight(s, () => other.values),
      };
    }
  },
};

/** The weight of channel `row` for all of a row. */
function byRow(site: Site): Float32Array {
  const x = valuesOf(site, 0);
  const w = operand(site, 1);
  const [n] = site.node.ne;
  return w ? x.map((v, i) => v * w[Math.floor(i / n) % w.length]!) : site.right;
}
