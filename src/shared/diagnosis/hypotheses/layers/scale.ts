import { isStateWrite, memoryOwner } from '../../../graph/graph';
import { floatParam } from '../../../ops/op';
import type { Hypothesis, Variant } from '../../hypothesis';
import { toBf16, toF16 } from '../../narrow-floats';
import type { Site } from '../../site';
import { evaluateChanged, producerOf, sourceTensor } from '../../site';
import { fittedFactor } from '../generic/linear-fit';
import { withFloatParam } from '../op-params';

export const EMBEDDING_SCALE: Hypothesis = {
  id: 'embedding-scale',
  title: 'scale of the embedding missing or rounded otherwise',
  explanation:
    'Some models multiply the embedding by √n. The reference may hold that factor in f32 or rounded to bf16 (55.5 for ' +
    '√3072 = 55.4256), and all layers after it see a stream that is off by one factor.',
  whereToLook: 'The factor after the embedding look-up: is it applied, once, and in which precision is it held?',
  citations: ['huggingface/transformers#29402'],
  catalogue: [36],
  generality: 1,
  *variants(site) {
    const { kind, opParams, ne } = site.node;
    if (kind !== 'SCALE' || !readsEmbedding(site)) return;
    const right = floatParam(opParams, 0);
    const root = Math.fround(Math.sqrt(ne[0]));
    const candidates: readonly (readonly [string, number])[] = [
      ['missing', 1],
      ['√n', root],
      ['√n in bf16', toBf16(root)],
      ['√n in f16', toF16(root)],
      ['in bf16', toBf16(right)],
      ['in f16', toF16(right)],
      ['twice', right * right],
      ['inverted', 1 / right],
      ['n', ne[0]],
    ];
    for (const [label, scale] of candidates) if (scale !== right) yield withScale(site, label, scale);
  },
};

export const SCALE_FACTOR: Hypothesis = {
  id: 'scale-factor',
  title: 'scaling left out, or by another factor',
  explanation:
    'A multiplication by a constant of the model (embedding, residual, logits, experts’ weights) is left out, done twice ' +
    'or uses another constant. All values are off by one factor.',
  whereToLook: 'The constant that this step multiplies with, and where the engine reads it from.',
  citations: [],
  catalogue: [36],
  generality: 1,
  *variants(site) {
    const { kind, opParams } = site.node;
    if (kind !== 'SCALE' || isReset(site)) return;
    const right = floatParam(opParams, 0);
    if (right !== 1) yield withScale(site, 'missing', 1);
    if (right * right !== right) yield withScale(site, 'twice', right * right);
    if (right !== 0 && 1 / right !== right) yield withScale(site, 'inverted', 1 / right);
    if (floatParam(opParams, 1) !== 0) {
      yield {
        label: 'offset missing',
        parameters: { offset: 0, right: floatParam(opParams, 1) },
        predict: (s) => evaluateChanged(s, { opParams: withFloatParam(opParams, 1, 0) }),
      };
    }
    if (right === 0) return;
    const around = Math.abs(right);
    // what is read off needs no search, however far it lies
    const fitted = (fittedFactor(site) ?? 0) * right;
    yield {
      label: 'another factor',
      from: around / 1000,
      to: around * 1000,
      spacing: 'log',
      likely: [right / 2, right * 2, Math.sqrt(around), ...(fitted > 0 ? [fitted] : [])],
      at: (scale) => withScale(site, 'another factor', scale),
    };
  },
};

function withScale({ node: { opParams } }: Site, label: string, scale: number): Variant {
  const right = floatParam(opParams, 0);
  return {
    label,
    parameters: { scale, right },
    predict: (s) => evaluateChanged(s, { opParams: withFloatParam(opParams, 0, scale) }),
  };
}

/** Whether the site scales rows that were looked up in a table of the model. */
function readsEmbedding(site: Site): boolean {
  const lookup = producerOf(site, 0);
  if (lookup?.kind !== 'GET_ROWS') return false;
  const [table] = lookup.src;
  const t = table === undefined ? undefined : site.graph.tensors[table];
  return t !== undefined && memoryOwner(site.graph, t).role === 'weight';
}

/** Recurrent states are cleared by scaling them with 0. */
function isReset(site: Site): boolean {
  const t = sourceTensor(site, 0);
  return isStateWrite(site.graph, site.node) || (t !== undefined && memoryOwner(site.graph, t).role === 'state');
}
