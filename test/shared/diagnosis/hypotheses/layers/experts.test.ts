import { describe, expect, it } from 'vitest';
import {
  FACTOR_DROPPED,
  MOE_EXPERT,
  MOE_WEIGHTS,
} from '../../../../../src/shared/diagnosis/hypotheses/layers/moe-experts';
import {
  MOE_GATING,
  MOE_SELECTION,
  MOE_WEIGHTS_NORM,
} from '../../../../../src/shared/diagnosis/hypotheses/layers/moe-routing';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { expectExplained, nodeSite, values } from './node-site';

const EXPERTS = 6;
const CHOSEN = 3;
const TOKENS = 4;
const logits = values(EXPERTS * TOKENS, 1, 3);
const rowOf = (token: number): number[] => [...logits.subarray(token * EXPERTS, (token + 1) * EXPERTS)];

function softMax(row: readonly number[]): number[] {
  const sum = row.reduce((s, v) => s + Math.exp(v), 0);
  return row.map((v) => Math.exp(v) / sum);
}
/** Indices by value, greatest first. */
const order = (row: readonly number[]): number[] => [...row.keys()].sort((a, b) => row[b]! - row[a]!);
const tokens = Array.from({ length: TOKENS }, (_, t) => t);
const chosen = tokens.flatMap((t) => order(rowOf(t)).slice(0, CHOSEN));
const ids = { ne: [CHOSEN, TOKENS, 1, 1] as Dims, values: Float32Array.from(chosen), type: 'I32' as const };

describe('routing', () => {
  const ne: Dims = [EXPERTS, TOKENS, 1, 1];

  it('soft-max for sigmoid and the reverse', async () => {
    const around = (g: Parameters<NonNullable<Parameters<typeof nodeSite>[0]['around']>>[0], id: never): unknown =>
      g.node('sorted', 'ARGSORT', ne, [id], { type: 'I32' });
    const sources = [{ name: 'logits', ne, values: logits }];
    const sigmoid = nodeSite({ op: 'UNARY', kind: 'SIGMOID', ne, sources, around: (g, id) => around(g, id as never) });
    await expectExplained(
      MOE_GATING,
      sigmoid,
      tokens.flatMap((t) => softMax(rowOf(t))),
      'soft-max',
    );
    const soft = nodeSite({
      op: 'SOFT_MAX',
      ne,
      params: [0x3f800000, 0],
      sources,
      around: (g, id) => around(g, id as never),
    });
    await expectExplained(
      MOE_GATING,
      soft,
      logits.map((v) => 1 / (1 + Math.exp(-v))),
      'sigmoid',
    );
    await expectExplained(MOE_GATING, soft, logits, 'no activation');
  });

  it('soft-max over all where it belongs over the chosen', async () => {
    const weights: Dims = [1, CHOSEN, TOKENS, 1];
    const site = nodeSite({
      op: 'GET_ROWS',
      ne: weights,
      sources: [
        { name: 'logits', ne: [1, EXPERTS, TOKENS, 1], values: logits },
        { name: 'sorted', by: 'ARGSORT', ...ids },
      ],
      around: (g, id) => g.node('soft', 'SOFT_MAX', weights, [id]),
    });
    const wrong = tokens.flatMap((t) => {
      const all = softMax(rowOf(t));
      return chosen.slice(t * CHOSEN, (t + 1) * CHOSEN).map((e) => all[e]!);
    });
    await expectExplained(MOE_GATING, site, wrong, 'soft-max before the choice');
  });

  it('the order of the choice', async () => {
    const site = nodeSite({
      op: 'ARGSORT',
      ne,
      type: 'I32',
      params: [1],
      sources: [{ name: 'p', ne, values: logits }],
    });
    const ascending = tokens.flatMap((t) => order(rowOf(t)).reverse());
    await expectExplained(MOE_SELECTION, site, ascending, 'sorted the other way');
    const second = tokens.flatMap((t) => {
      const sorted = order(rowOf(t));
      return [...sorted.slice(1), sorted[0]!];
    });
    await expectExplained(MOE_SELECTION, site, second, 'from the second of the order on');
  });

  it('weights not normalised, or needlessly', async () => {
    const w = values(CHOSEN * TOKENS, 2).map((v) => Math.abs(v) + 0.1);
    const sums = Float32Array.from(tokens, (t) => w[t * 3]! + w[t * 3 + 1]! + w[t * 3 + 2]!);
    const shape: Dims = [CHOSEN, TOKENS, 1, 1];
    const site = nodeSite({
      op: 'DIV',
      ne: shape,
      sources: [
        { name: 'weights', ne: shape, values: w },
        { name: 'sum', ne: [1, TOKENS, 1, 1], values: sums, by: 'SUM_ROWS' },
      ],
    });
    await expectExplained(MOE_WEIGHTS_NORM, site, w, 'not normalised');
    const twice = w.map((v, i) => v / sums[Math.floor(i / 3)]! ** 2);
    await expectExplained(MOE_WEIGHTS_NORM, site, twice, 'normalised twice');
    const probs = logits.map((v) => Math.abs(v) / 10);
    const picked = nodeSite({
      op: 'GET_ROWS',
      ne: [1, CHOSEN, TOKENS, 1],
      sources: [
        { name: 'probs', ne: [1, EXPERTS, TOKENS, 1], values: probs },
        { name: 'sorted', by: 'ARGSORT', ...ids },
      ],
    });
    const wrong = tokens.flatMap((t) => {
      const own = [0, 1, 2].map((slot) => probs[t * EXPERTS + chosen[t * CHOSEN + slot]!]!);
      return own.map((v) => v / own.reduce((a, b) => a + b));
    });
    await expectExplained(MOE_WEIGHTS_NORM, picked, wrong, 'normalised');
  });
});

describe('experts', () => {
  const [K, N] = [9, 7];
  const matrices = values(K * N * EXPERTS, 3);
  const input = values(K * TOKENS, 4);
  const site = nodeSite({
    op: 'MUL_MAT_ID',
    ne: [N, CHOSEN, TOKENS, 1],
    sources: [
      { name: 'exps', ne: [K, N, EXPERTS, 1], values: matrices },
      { name: 'x', ne: [K, 1, TOKENS, 1], values: input },
      { name: 'ids', ...ids },
    ],
  });
  const product = (expert: (token: number, slot: number) => number): number[] =>
    tokens.flatMap((t) =>
      [0, 1, 2].flatMap((slot) =>
        Array.from({ length: N }, (_, row) => {
          let sum = 0;
          for (let k = 0; k < K; k++) sum += matrices[(expert(t, slot) * N + row) * K + k]! * input[t * K + k]!;
          return sum;
        }),
      ),
    );
  const id = (t: number, slot: number): number => chosen[t * CHOSEN + slot]!;

  it.each<[string, (token: number, slot: number) => number]>([
    ['the next expert', (t, slot) => (id(t, slot) + 1) % EXPERTS],
    ['the first expert', () => 0],
    ['by place among the chosen', (_, slot) => slot],
    ['the chosen in reverse order', (t, slot) => id(t, CHOSEN - 1 - slot)],
    ['those of the first token for all', (_, slot) => id(0, slot)],
  ])('%s', async (label, expert) => {
    await expectExplained(MOE_EXPERT, site, product(expert), label);
  });

  it('weights ignored, equal, in another order', async () => {
    const ne: Dims = [N, CHOSEN, TOKENS, 1];
    const results = values(N * CHOSEN * TOKENS, 5);
    const w = values(CHOSEN * TOKENS, 6).map((v) => v + 1.2);
    const sources = [
      { name: 'down', ne, values: results },
      { name: 'weights', ne: [1, CHOSEN, TOKENS, 1] as Dims, values: w, by: 'DIV' as const },
    ];
    const at = nodeSite({ op: 'MUL', ne, sources });
    const times = (weight: (token: number, slot: number) => number): Float32Array =>
      results.map((v, i) => v * weight(Math.floor(i / N / CHOSEN), Math.floor(i / N) % CHOSEN));
    await expectExplained(MOE_WEIGHTS, at, results, 'ignored');
    await expectExplained(
      MOE_WEIGHTS,
      at,
      times(() => 1 / CHOSEN),
      'equal',
    );
    await expectExplained(
      MOE_WEIGHTS,
      at,
      times((t, slot) => w[t * CHOSEN + CHOSEN - 1 - slot]!),
      'in reverse order',
    );
    await expectExplained(
      MOE_WEIGHTS,
      at,
      times((_, slot) => w[slot]!),
      'those of the first token',
    );
  });
});

describe('factors of a product', () => {
  const ne: Dims = [11, 6, 1, 1];
  const shared = values(66, 7);
  const logit = values(6, 8, 3);
  const gate = logit.map((v) => 1 / (1 + Math.exp(-v)));
  const sources = [
    { name: 'ffn_shexp', ne, values: shared },
    { name: 'gate', ne: [1, 6, 1, 1] as Dims, values: gate, by: 'UNARY' as const },
  ];

  it('gate of the shared experts skipped, or not activated', async () => {
    const built = nodeSite({ op: 'MUL', ne, sources });
    const tensors = built.graph.tensors.map((t) => (t.name === 'gate' ? { ...t, kind: 'SIGMOID' as const } : t));
    const site = { ...built, graph: { ...built.graph, tensors } };
    const tried = await expectExplained(FACTOR_DROPPED, site, shared, 'second factor dropped');
    expect(tried.parameters).toEqual({ done: 'ffn_shexp', right: 'ffn_shexp × gate' });
    const raw = shared.map((v, i) => v * logit[Math.floor(i / 11)]!);
    await expectExplained(FACTOR_DROPPED, site, raw, 'gate not activated');
  });
});
