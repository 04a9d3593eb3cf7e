import { elementCount, memoryOwner, tensorOf } from '../../../graph/graph';
import { readersOf } from '../../../graph/readers';
import type { GraphTensor } from '../../../graph/graph';
import { evaluateNode } from '../../../ops/evaluate-node';
import type { Family, Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { sourceTensor, valuesOf } from '../../site';
import { isNorm } from './norm-site';
import { isOfTwoActivations } from './operands';

export const RESIDUAL: Hypothesis = {
  id: 'residual',
  title: 'residual connection dropped or doubled',
  explanation:
    'One of the two terms of a residual sum is left out, added twice or subtracted, or the sum takes the normalised ' +
    'input where the stream itself belongs.',
  whereToLook:
    'What is added to what after attention and feed-forward: the stream before the norm, once, and from a buffer that ' +
    'has not been overwritten meanwhile.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (site.node.kind !== 'ADD' || !isOfTwoActivations(site)) return;
    const [a, b] = [0, 1].map((i) => sourceTensor(site, i)?.name ?? '');
    const right = `${a} + ${b}`;
    yield combined('second term dropped', { sum: `${a}`, right }, 1, 0);
    yield combined('first term dropped', { sum: `${b}`, right }, 0, 1);
    yield combined('first term doubled', { sum: `2 × ${a} + ${b}`, right }, 2, 1);
    yield combined('second term doubled', { sum: `${a} + 2 × ${b}`, right }, 1, 2);
    yield combined('second term subtracted', { sum: `${a} − ${b}`, right }, 1, -1);
    yield combined('first term subtracted', { sum: `${b} − ${a}`, right }, -1, 1);
    yield combined('halved', { sum: `(${a} + ${b}) / 2`, right }, 0.5, 0.5);
    yield { label: 'multiplied', parameters: { done: `${a} × ${b}`, right }, predict: multiplied };
    for (const index of [1, 0]) {
      if (!normOf(site, index)) continue;
      yield {
        label: `${index === 1 ? 'second' : 'first'} term normalised`,
        parameters: { sum: index === 1 ? `${a} + norm(${b})` : `norm(${a}) + ${b}`, right },
        predict: (s) => withNormalised(s, index),
      };
    }
  },
};

export const RESIDUAL_SCALE: Hypothesis = {
  id: 'residual-scale',
  title: 'a term of a sum scaled',
  explanation:
    'One term of a sum of two activations carries a factor that does not belong there, or lacks the one that does ' +
    '(residual multiplier, depth scale).',
  whereToLook:
    'Residual and embedding multipliers of the model (residual_scale, logit_scale) and where they are applied.',
  citations: [],
  catalogue: [],
  generality: 2,
  *variants(site) {
    if (site.node.kind !== 'ADD' || !isOfTwoActivations(site)) return;
    yield scaledTerm('second term', (c) => [1, c]);
    yield scaledTerm('first term', (c) => [c, 1]);
  },
};

function scaledTerm(label: string, factors: (c: number) => readonly [number, number]): Family {
  return {
    label,
    from: 0.01,
    to: 100,
    spacing: 'log',
    likely: [0.5, 2, Math.SQRT1_2, Math.SQRT2],
    at: (factor) => combined(label, { factor, of: label, right: 1 }, ...factors(factor)),
  };
}

/** p × source 0 + q × source 1 */
function combined(label: string, parameters: Variant['parameters'], p: number, q: number): Variant {
  return {
    label,
    parameters,
    predict: (s) => {
      const [a, b] = [valuesOf(s, 0), valuesOf(s, 1)];
      const out = new Float32Array(a.length);
      for (let i = 0; i < out.length; i++) out[i] = p * a[i]! + q * b[i]!;
      return out;
    },
  };
}

function multiplied(site: Site): Float32Array {
  const b = valuesOf(site, 1);
  return valuesOf(site, 0).map((a, i) => a * b[i]!);
}

interface NormChain {
  readonly norm: GraphTensor;
  /** Multiplies by the norm's weight, where it has one. */
  readonly weighted: GraphTensor | undefined;
}

/** The norm that reads source `index` whole. */
function normOf(site: Site, index: number): NormChain | undefined {
  const { graph } = site;
  const source = sourceTensor(site, index);
  if (!source) return undefined;
  const readsIt = (t: GraphTensor): boolean => t.src[0] !== undefined && tensorOf(graph, t.src[0]).id === source.id;
  const norm = readersOf(site.graph, source).find((t) => isNorm(t.kind) && readsIt(t));
  if (!norm || elementCount(norm.ne) !== elementCount(site.node.ne)) return undefined;
  const weighted = readersOf(site.graph, norm).find(
    (t) => t.kind === 'MUL' && t.src[1] !== undefined && isWeight(site, t),
  );
  return { norm, weighted };
}

function isWeight({ graph }: Site, mul: GraphTensor): boolean {
  const [, w] = mul.src;
  return w !== undefined && memoryOwner(graph, tensorOf(graph, w)).role === 'weight';
}

function withNormalised(site: Site, index: number): Float32Array {
  const chain = normOf(site, index);
  if (!chain) return site.right;
  const { graph, weights, arithmetic } = site;
  const normalised = evaluateNode(graph, chain.norm, { sources: [valuesOf(site, index)], weights }, arithmetic);
  const { weighted } = chain;
  const term = weighted
    ? evaluateNode(graph, weighted, { sources: [normalised, undefined], weights }, arithmetic)
    : normalised;
  const other = valuesOf(site, 1 - index);
  return term.map((v, i) => v + other[i]!);
}
