import { tensorOf } from '../../../graph/graph';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, isWeightSource, producerOf, sourceTensor, valuesOf } from '../../site';

/** Chosen experts of one token, replaced. */
type Ids = (ids: Float32Array, experts: number) => ArrayLike<number>;

const MISTAKES: readonly (readonly [string, Ids])[] = [
  ['the next expert', (ids, experts) => ids.map((id) => (id + 1) % experts)],
  ['the expert before', (ids, experts) => ids.map((id) => (id + experts - 1) % experts)],
  ['the first expert', (ids) => ids.map(() => 0)],
  ['the first of the chosen for all of them', (ids) => ids.map(() => ids[0]!)],
  ['by place among the chosen', (ids, experts) => ids.map((_, i) => i % experts)],
  ['the chosen in reverse order', (ids) => ids.slice().reverse()],
  ['the chosen rotated by one', (ids) => ids.map((_, i) => ids[(i + 1) % ids.length]!)],
  ['mirrored', (ids, experts) => ids.map((id) => experts - 1 - id)],
];

export const MOE_EXPERT: Hypothesis = {
  id: 'moe-expert',
  title: 'another expert computed than the chosen one',
  explanation:
    'The right experts are chosen and weighted, but the matrices of others are multiplied: the next ones, the first one, ' +
    'or the token’s own in another order.',
  whereToLook: 'How the expert’s matrix is addressed (stride between experts) and which id belongs to which slot.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (site.node.kind !== 'MUL_MAT_ID') return;
    const ids = sourceTensor(site, 2);
    const experts = sourceTensor(site, 0)?.ne[2] ?? 0;
    const own = site.source(2);
    if (!ids || !own) return;
    const [slots] = ids.ne;
    for (const [label, change] of MISTAKES) {
      const changed = perToken(own, slots, experts, change);
      if (!changed.every((id, i) => id === own[i])) yield withIds(label, change, slots, experts);
    }
    if (own.length <= slots) return;
    yield {
      label: 'those of the first token for all',
      parameters: { experts: 'those of the first token', right: 'those of each token' },
      predict: (s) => {
        const all = valuesOf(s, 2);
        return evaluateChanged(s, { sources: new Map([[2, all.map((_, i) => all[i % slots]!)]]) });
      },
    };
  },
};

function withIds(label: string, change: Ids, slots: number, experts: number): Variant {
  return {
    label,
    parameters: { expert: label, right: 'the chosen one' },
    predict: (s) => {
      const ids = perToken(valuesOf(s, 2), slots, experts, change);
      return evaluateChanged(s, { sources: new Map([[2, ids]]) });
    },
  };
}

function perToken(ids: Float32Array, slots: number, experts: number, change: Ids): Float32Array {
  const out = new Float32Array(ids.length);
  for (let from = 0; from < ids.length; from += slots) out.set(change(ids.subarray(from, from + slots), experts), from);
  return out;
}

export const MOE_WEIGHTS: Hypothesis = {
  id: 'moe-weights',
  title: 'experts’ weights ignored or mixed up',
  explanation:
    'The experts’ results are added without their weights, with equal ones, or with those of another slot or token.',
  whereToLook: 'The product of experts’ results and weights: which index runs over slots and which over tokens.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (site.node.kind !== 'MUL' || !isWeighted(site)) return;
    const [, slots] = site.node.ne;
    const right = 'each slot’s own';
    const at = (label: string, weight: (w: Float32Array, token: number, slot: number) => number): Variant => ({
      label,
      parameters: { weights: label, right },
      predict: (s) => {
        const w = valuesOf(s, 1);
        const changed = w.map((_, i) => weight(w, Math.floor(i / slots) * slots, i % slots));
        return evaluateChanged(s, { sources: new Map([[1, changed]]) });
      },
    });
    yield at('ignored', () => 1);
    yield at('squared', (w, token, slot) => w[token + slot]! ** 2);
    if (slots > 1) {
      yield at('equal', () => 1 / slots);
      yield at('in reverse order', (w, token, slot) => w[token + slots - 1 - slot]!);
      yield at('rotated by one', (w, token, slot) => w[token + ((slot + 1) % slots)]!);
      yield at('rotated by one back', (w, token, slot) => w[token + ((slot + slots - 1) % slots)]!);
      yield at('the first of each token', (w, token) => w[token]!);
    }
    if (site.node.ne[2] > 1) yield at('those of the first token', (w, _, slot) => w[slot]!);
  },
};

/** Whether results of experts [n, slot, token] are multiplied by one weight per slot and token. */
function isWeighted(site: Site): boolean {
  const weights = sourceTensor(site, 1);
  const { ne } = site.node;
  if (!weights || isWeightSource(site, 1)) return false;
  const perSlot = weights.ne[0] === 1 && weights.ne[1] === ne[1] && weights.ne[2] === ne[2];
  return perSlot && ne[0] > 1 && !isScale(site);
}

/** Whether the weights are scales from the model file that go with the experts' matrices. */
function isScale(site: Site): boolean {
  const [table] = producerOf(site, 1)?.src ?? [];
  return table !== undefined && tensorOf(site.graph, table).kind === 'REPEAT';
}

export const FACTOR_DROPPED: Hypothesis = {
  id: 'factor-dropped',
  title: 'a factor of a product dropped',
  explanation:
    'One factor of a product of two activations (the gate of shared experts, of attention, of a recurrent layer) or the ' +
    'divisor of a quotient is left out, or the product is a sum.',
  whereToLook: 'The element-wise step at this node, and whether its gate is computed and applied on this path.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const { kind } = site.node;
    if ((kind !== 'MUL' && kind !== 'DIV') || isWeightSource(site, 1)) return;
    const [a, b] = [0, 1].map((i) => sourceTensor(site, i)?.name ?? '');
    const right = kind === 'MUL' ? `${a} × ${b}` : `${a} / ${b}`;
    const second = { done: `${a}`, right };
    yield { label: 'second factor dropped', parameters: second, predict: (s) => valuesOf(s, 0).slice() };
    if (kind === 'DIV') {
      yield {
        label: 'multiplied',
        parameters: { done: `${a} × ${b}`, right },
        predict: (s) => evaluateChanged(s, { kind: 'MUL' }),
      };
    } else {
      const first = { done: `${b}`, right };
      yield {
        label: 'first factor dropped',
        parameters: first,
        predict: (s) => evaluateChanged(s, { sources: ones(s) }),
      };
    }
    yield {
      label: 'added',
      parameters: { done: `${a} + ${b}`, right },
      predict: (s) => evaluateChanged(s, { kind: 'ADD' }),
    };
    const gate = producerOf(site, 1);
    if (gate?.kind === 'SIGMOID') {
      yield { label: 'gate not activated', parameters: { done: 'gate without sigmoid', right }, predict: notActivated };
    }
  },
};

function ones(site: Site): ReadonlyMap<number, Float32Array> {
  return new Map([[0, valuesOf(site, 0).map(() => 1)]]);
}

/** The gate's argument, from its value. */
function notActivated(site: Site): Float32Array {
  const gate = valuesOf(site, 1).map((g) => Math.log(g / (1 - g)));
  return evaluateChanged(site, { sources: new Map([[1, gate]]) });
}
