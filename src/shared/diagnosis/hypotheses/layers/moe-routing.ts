import type { GraphTensor } from '../../../graph/graph';
import { readersOf } from '../../../graph/readers';
import { memoryOwner, tensorOf } from '../../../graph/graph';
import { evaluateNode } from '../../../ops/evaluate-node';
import { intParam } from '../../../ops/op';
import { ASCENDING } from '../../../ops/sort';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, producerOf, sourceTensor, valuesOf } from '../../site';
import { withIntParam } from '../op-params';

/** Whether the indices at source `index` are those of chosen experts. */
function readsChosen(site: Site, index: number): boolean {
  const { kind } = producerOf(site, index) ?? { kind: 'NONE' };
  return kind === 'ARGSORT' || kind === 'TOP_K';
}

/** Whether a node is the gate's activation over all experts: a sort reads it, directly or after a bias. */
function isGateActivation(site: Site): boolean {
  const isSort = (t: GraphTensor): boolean => t.kind === 'ARGSORT' || t.kind === 'TOP_K';
  return readersOf(site.graph, site.node).some(
    (t) => isSort(t) || (t.kind === 'ADD' && readersOf(site.graph, t).some(isSort)),
  );
}

/** Values of rows of `n` as probabilities. */
export function softMaxRows(values: Float32Array, n: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let from = 0; from < values.length; from += n) {
    const row = values.subarray(from, from + n);
    const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
    let sum = 0;
    for (const v of row) sum += Math.exp(v - most);
    for (let i = 0; i < n; i++) out[from + i] = Math.exp(row[i]! - most) / sum;
  }
  return out;
}

export const MOE_GATING: Hypothesis = {
  id: 'moe-gating',
  title: 'experts’ gate with another activation',
  explanation:
    'The router’s logits go through soft-max where the model has a sigmoid, or the reverse, or soft-max is taken over ' +
    'all experts where it belongs over the chosen ones. The choice of experts may be right and their weights wrong.',
  whereToLook: 'expert_gating_func of the model, and whether the activation comes before or after the choice.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const { kind, ne } = site.node;
    if (kind === 'GET_ROWS' && readsChosen(site, 1)) yield* ofWeights(site);
    if ((kind === 'SOFT_MAX' || kind === 'SIGMOID') && isGateActivation(site)) {
      const none = { activation: 'none', right: kind };
      yield { label: 'no activation', parameters: none, predict: (s) => valuesOf(s, 0).slice() };
      if (kind === 'SIGMOID') {
        const parameters = { activation: 'SOFT_MAX', right: kind };
        yield { label: 'soft-max', parameters, predict: (s) => softMaxRows(valuesOf(s, 0), ne[0]) };
      } else {
        const parameters = { activation: 'SIGMOID', right: kind };
        const sigmoid = (s: Site): Float32Array => valuesOf(s, 0).map((x) => 1 / (1 + Math.exp(-x)));
        yield { label: 'sigmoid', parameters, predict: sigmoid };
      }
    }
    if (kind === 'SOFT_MAX' && isOverChosen(site)) {
      const parameters = { softMax: 'over all experts', right: 'over the chosen ones' };
      yield { label: 'soft-max before the choice', parameters, predict: (s) => valuesOf(s, 0).slice() };
    }
  },
};

/** Whether a soft-max reads weights that were looked up by the chosen experts. */
function isOverChosen(site: Site): boolean {
  const lookup = producerOf(site, 0);
  return lookup?.kind === 'GET_ROWS' && choice(site, lookup) !== undefined;
}

function choice(site: Site, lookup: GraphTensor): GraphTensor | undefined {
  const [, ids] = lookup.src;
  const owner = ids === undefined ? undefined : memoryOwner(site.graph, tensorOf(site.graph, ids));
  return owner?.kind === 'ARGSORT' || owner?.kind === 'TOP_K' ? owner : undefined;
}

/** At the look-up of the chosen experts' weights. */
function* ofWeights(site: Site): Generator<Variant> {
  const experts = sourceTensor(site, 0)?.ne[1] ?? 1;
  const chosen = site.node.ne[1];
  const softMaxFollows = readersOf(site.graph, site.node).some((t) => t.kind === 'SOFT_MAX');
  if (softMaxFollows) {
    yield {
      label: 'soft-max before the choice',
      parameters: { softMax: 'over all experts', right: 'over the chosen ones' },
      predict: (s) => evaluateChanged(s, { sources: new Map([[0, softMaxRows(valuesOf(s, 0), experts)]]) }),
    };
  } else if (chosen > 1) {
    yield {
      label: 'soft-max over the chosen of what is activated already',
      parameters: { softMax: 'twice', right: 'once' },
      predict: (s) => softMaxRows(s.right, chosen),
    };
  }
  const biased = readersOf(site.graph, tensorOf(site.graph, memoryOwnerOfSource(site))).find((t) => t.kind === 'ADD');
  if (!biased) return;
  yield {
    label: 'weights with the bias of the choice',
    parameters: { weights: 'biased', right: 'unbiased: the bias is for the choice only' },
    predict: (s) => {
      const inputs = { sources: [valuesOf(s, 0), undefined], weights: s.weights };
      const values = evaluateNode(s.graph, biased, inputs, s.arithmetic);
      return evaluateChanged(s, { sources: new Map([[0, values]]) });
    },
  };
}

function memoryOwnerOfSource(site: Site): GraphTensor['id'] {
  const t = sourceTensor(site, 0);
  return t ? memoryOwner(site.graph, t).id : site.node.id;
}

export const MOE_WEIGHTS_NORM: Hypothesis = {
  id: 'moe-weights-norm',
  title: 'experts’ weights not normalised, or needlessly',
  explanation:
    'The weights of the chosen experts are to add up to 1, or are to stay as they are. Each token’s experts’ sum is off ' +
    'by one factor.',
  whereToLook: 'expert_weights_norm (norm_topk_prob) of the model.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const { kind, ne } = site.node;
    if (kind === 'DIV' && isWeightsSum(site)) {
      const parameters = { weights: 'as chosen', right: 'normalised' };
      yield { label: 'not normalised', parameters, predict: (s) => valuesOf(s, 0).slice() };
      const twice = { weights: 'divided by the sum twice', right: 'once' };
      yield {
        label: 'normalised twice',
        parameters: twice,
        predict: (s) => {
          const sums = valuesOf(s, 1);
          return s.right.map((w, i) => w / sums[Math.floor(i / ne[0])]!);
        },
      };
    }
    if (kind !== 'GET_ROWS' || !readsChosen(site, 1) || ne[1] < 2) return;
    const next = readersOf(site.graph, site.node);
    if (next.some((t) => t.kind === 'SUM_ROWS' || t.kind === 'SOFT_MAX')) return;
    yield {
      label: 'normalised',
      parameters: { weights: 'normalised', right: 'as chosen' },
      predict: (s) => normalisedRows(s.right, ne[1]),
    };
  },
};

/** Whether a division is by the sum of the chosen experts' weights. */
function isWeightsSum(site: Site): boolean {
  const sum = producerOf(site, 1);
  if (sum?.kind === 'SUM_ROWS') return true;
  const [before] = sum?.src ?? [];
  return sum?.kind === 'CLAMP' && before !== undefined && tensorOf(site.graph, before).kind === 'SUM_ROWS';
}

function normalisedRows(values: Float32Array, n: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let from = 0; from < values.length; from += n) {
    let sum = 0;
    for (let i = from; i < from + n; i++) sum += values[i]!;
    for (let i = from; i < from + n; i++) out[i] = values[i]! / sum;
  }
  return out;
}

export const MOE_SELECTION: Hypothesis = {
  id: 'moe-selection',
  title: 'other experts chosen',
  explanation:
    'The experts with the least weights are chosen, or those next in order. Wherever the choice falls on another expert ' +
    'the whole feed-forward result of the token is another one.',
  whereToLook: 'The order of the sort and which end of it the chosen experts are taken from.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants({ node: { kind, opParams, ne } }) {
    if (kind !== 'ARGSORT') return;
    const ascending = intParam(opParams, 0) === ASCENDING;
    yield {
      label: 'sorted the other way',
      parameters: { order: ascending ? 'descending' : 'ascending', right: ascending ? 'ascending' : 'descending' },
      predict: (s) => evaluateChanged(s, { opParams: withIntParam(opParams, 0, ascending ? 1 : ASCENDING) }),
    };
    const [n] = ne;
    const at = (label: string, from: (ids: Float32Array, i: number) => number): Variant => ({
      label,
      parameters: { chosen: label, right: 'the first of the order' },
      predict: (s) => {
        const out = new Float32Array(s.right.length);
        for (let row = 0; row < out.length; row += n) {
          const ids = s.right.subarray(row, row + n);
          for (let i = 0; i < n; i++) out[row + i] = from(ids, i);
        }
        return out;
      },
    });
    yield at('from the second of the order on', (ids, i) => ids[(i + 1) % n]!);
    yield at('not sorted', (_, i) => i);
  },
};
