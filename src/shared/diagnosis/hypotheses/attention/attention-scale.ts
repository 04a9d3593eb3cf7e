import { tensorOf } from '../../../graph/graph';
import { floatParam } from '../../../ops/op';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, producerOf } from '../../site';
import { withFloatParam } from '../op-params';
import { readersOf } from '../../../graph/readers';
import { evaluateAsIs, isAttentionProduct, isProductOfActivations } from './source-values';

const EXPLANATION =
  'Scores Q·K are multiplied by a scale (1/√head_dim in most models) before soft-max. With another factor every ' +
  'probability is wrong wherever more than one key is visible; the first token, which sees one key, stays right.';
const WHERE =
  'Where scores are scaled: is the factor applied once, to Q or to the scores, and is it the one of the model (head_dim ' +
  'of this model, query_pre_attn_scalar, attention multiplier, YaRN factor)?';

/** SOFT_MAX, FLASH_ATTN_EXT and SCALE: op_params[0] is the scale of the scores. */
export const ATTENTION_SCALE: Hypothesis = {
  id: 'attention-scale',
  title: 'attention scores are scaled by another factor',
  explanation: EXPLANATION,
  whereToLook: WHERE,
  citations: ['onnxruntime/mobius#548', 'kekzl/imp#880'],
  catalogue: [28],
  generality: 1,
  *variants(site) {
    const sizes = headSizes(site);
    if (!sizes) return;
    if (isAttentionProduct(site)) {
      const scale = 1 / Math.sqrt(sizes.head);
      const predict = (s: Site): Float32Array => evaluateAsIs(s).map((x) => x * scale);
      yield { label: 'in the product already', parameters: { scale, right: 1 }, predict };
      return;
    }
    const right = floatParam(site.node.opParams, 0);
    const { head, model } = sizes;
    const others: readonly (readonly [string, number])[] = [
      ['none', 1],
      ['twice', right * right],
      ['root', Math.sqrt(right)],
      ['inverse', 1 / right],
      ['1/√head_dim', 1 / Math.sqrt(head)],
      ['1/√d_model', 1 / Math.sqrt(model)],
      ['1/head_dim', 1 / head],
      ['√head_dim', Math.sqrt(head)],
    ];
    const seen = [right];
    for (const [label, scale] of others) {
      if (!(scale > 0) || seen.some((s) => Math.abs(s / scale - 1) < 1e-6)) continue;
      seen.push(scale);
      yield scaledBy(scale, right, label);
    }
  },
};

/** The same with any factor. */
export const ATTENTION_SCALE_VALUE: Hypothesis = {
  id: 'attention-scale-value',
  title: 'attention scores are scaled by a factor that is not the model’s',
  explanation: EXPLANATION,
  whereToLook: WHERE,
  citations: ['ggml-org/llama.cpp#17945'],
  catalogue: [28],
  generality: 2,
  *variants(site) {
    if (!headSizes(site) || isAttentionProduct(site)) return;
    const right = floatParam(site.node.opParams, 0);
    yield {
      label: 'another scale',
      from: 1e-3,
      to: 30,
      spacing: 'log',
      likely: [64, 80, 96, 112, 128, 192, 256, 512].map((n) => 1 / Math.sqrt(n)),
      at: (scale) => scaledBy(scale, right, 'another scale'),
    };
  },
};

function scaledBy(scale: number, right: number, label: string): Variant {
  const predict = (s: Site): Float32Array =>
    evaluateChanged(s, { opParams: withFloatParam(s.node.opParams, 0, scale) });
  return { label, parameters: { scale, right }, predict };
}

interface HeadSizes {
  /** Channels of a head. */
  readonly head: number;
  /** Channels of all heads together. */
  readonly model: number;
}

/** Undefined where the node does not scale attention scores. */
function headSizes(site: Site): HeadSizes | undefined {
  const { graph, node } = site;
  switch (node.kind) {
    case 'FLASH_ATTN_EXT': {
      const q = node.src[0] === undefined ? undefined : tensorOf(graph, node.src[0]);
      return q && { head: q.ne[0], model: q.ne[0] * q.ne[2] };
    }
    case 'SOFT_MAX':
      return sizesOfProduct(site);
    case 'MUL_MAT':
      return isAttentionProduct(site) && leadsToSoftMax(site) ? sizesOfProduct(site) : undefined;
    case 'SCALE':
      return sizesOfScale(site);
    default:
      return undefined;
  }
}

/** Of Q: SCALE's own rows; of scores: the rows of Q in the product before. Not of the pair around a softcap's TANH. */
function sizesOfScale(site: Site): HeadSizes | undefined {
  const { graph, node } = site;
  const readers = readersOf(graph, node);
  if (producerOf(site, 0)?.kind === 'TANH' || readers.some((t) => t.kind === 'TANH')) return undefined;
  const isQuery = readers.some((t) => isProductOfActivations(graph, t) || t.kind === 'FLASH_ATTN_EXT');
  if (isQuery && node.ne[1] > 0) return { head: node.ne[0], model: node.ne[0] * node.ne[1] };
  return sizesOfProduct(site);
}

function leadsToSoftMax({ graph, node }: Site): boolean {
  return readersOf(graph, node).some((t) => t.kind === 'SOFT_MAX' || t.kind === 'SCALE');
}

/** Back from scores to the product Q·K that made them, past softcap, bias and scale. */
function sizesOfProduct({ graph, node }: Site): HeadSizes | undefined {
  let at = node;
  for (let steps = 0; steps < 6; steps++) {
    if (isProductOfActivations(graph, at) && at.src[1] !== undefined) {
      const q = tensorOf(graph, at.src[1]);
      return { head: q.ne[0], model: q.ne[0] * q.ne[2] };
    }
    const [source] = at.src;
    if (source === undefined) return undefined;
    const before = tensorOf(graph, source);
    at = before.viewSrc === undefined ? before : tensorOf(graph, before.viewSrc);
  }
  return undefined;
}
