import { describe, expect, it } from 'vitest';
import type { ControlResult, PlantResult, Totals } from '../../../src/main/bench/wizard/score';
import { meetsAims, score, totalsOf } from '../../../src/main/bench/wizard/score';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import type { Graph } from '../../../src/shared/graph/graph';

const nodes = { right: 1, rounded: 0, wrong: 1 };
const totals = (changes: Partial<Totals>): Totals => ({
  ...{ plants: 100, nodeHits: 99, causeHits: 95, causesWrong: 0, unexplained: 5, effects: 99, alsoBlamed: 0 },
  ...{ controls: 100, falseBlame: 0, runs: 200, seconds: 1, nodes },
  ...changes,
});

describe('the aims of the wizard benchmark', () => {
  it('are met from 99 nodes and 95 causes of 100 on', () => {
    expect(meetsAims(totals({}))).toBe(true);
    expect(meetsAims(totals({ nodeHits: 98 }))).toBe(false);
    expect(meetsAims(totals({ causeHits: 94 }))).toBe(false);
  });

  it('are missed where a wrong cause is named', () => {
    expect(meetsAims(totals({ causesWrong: 1 }))).toBe(false);
  });

  it('are missed where any right node is blamed', () => {
    expect(meetsAims(totals({ falseBlame: 1, nodeHits: 100, causeHits: 100 }))).toBe(false);
  });

  it('are missed where nothing was run', () => {
    expect(meetsAims(totalsOf([], []))).toBe(false);
  });
});

describe('a bug that is nothing but rounding', () => {
  const node = { step: 0, node: 'embd', layer: null, op: 'GET_ROWS', localNmse: 1e-7, noiseFloor: 1e-14 };
  const verdict = (rounded: Verdict['rounded']): Verdict =>
    ({ verdict: 'clean', firstBad: null, allBad: [], cause: null, profile: [], rounded }) as unknown as Verdict;
  const told = (part: 'weights' | 'sums'): Verdict['rounded'][number] => ({
    ...node,
    rounding: { part, to: 'F16', underflow: false, reproduced: true, text: `${part} in F16` },
  });
  const truth = { nodes: ['embd'], step: 0, causes: ['half-precision-decode'] };
  const graph = { order: [] } as unknown as Graph;

  it('is found where it is told, and not blamed', () => {
    const found = score(verdict([told('weights')]), { ...truth, roundings: ['weights'] }, graph);
    expect(found).toMatchObject({ nodeHit: true, causeHit: true, causeWrong: false, found: 'embd, rounded' });
  });

  it('is told by another name where another part is said to be rounded', () => {
    const found = score(verdict([told('sums')]), { ...truth, roundings: ['weights'] }, graph);
    expect(found).toMatchObject({ nodeHit: true, causeHit: false });
  });

  it('is missed where nothing is told, and no bug is found by being told', () => {
    expect(score(verdict([]), { ...truth, roundings: ['weights'] }, graph).nodeHit).toBe(false);
    expect(score(verdict([told('weights')]), truth, graph).nodeHit).toBe(false);
  });
});

describe('right nodes beside a bug', () => {
  it('are counted where they are called bad, unless the bug is in their stretch', () => {
    const bad = (node: string, stretch: readonly string[] = []): object => ({ node, step: 0, stretch, writes: [] });
    const allBad = [bad('kq-1'), bad('norm-2', ['kq-1', 'kqv-1']), bad('ffn_up-3')];
    const verdict = { verdict: 'diverged', firstBad: allBad[0], allBad, cause: null, profile: [], rounded: [] };
    const truth = { nodes: ['kq-1'], step: 0, causes: [], all: ['kq-1'] };
    const found = score(verdict as unknown as Verdict, truth, { order: [] } as unknown as Graph);
    expect(found.alsoBlamed).toEqual(['ffn_up-3']);
  });
});

describe('totals', () => {
  const counts = { right: 10, rounded: 3, wrong: 1 };
  const plant = (changes: Partial<PlantResult>): PlantResult =>
    ({
      ...{ nodeHit: true, causeHit: true, causeWrong: false, falseBlame: false, alsoBlamed: [], effectKnown: true },
      ...{ accepted: ['bias'], cause: 'bias', counts, seconds: 2, ...changes },
    }) as PlantResult;
  const control = (clean: boolean): ControlResult =>
    ({ clean, counts: { right: 9, rounded: 1, wrong: clean ? 0 : 1 }, seconds: 3 }) as ControlResult;

  it('count false blame of plants and of controls, and wrong causes apart from none', () => {
    const plants = [
      plant({}),
      plant({ causeHit: false, cause: null }),
      plant({ causeHit: false, causeWrong: true, cause: 'residual', alsoBlamed: ['norm-1'] }),
      plant({ nodeHit: false, causeHit: false, falseBlame: true, cause: null, effectKnown: false }),
    ];
    expect(totalsOf(plants, [control(true), control(false), control(false)])).toEqual({
      ...{ plants: 4, nodeHits: 3, causeHits: 1, causesWrong: 1, unexplained: 1, effects: 3, alsoBlamed: 1 },
      ...{ controls: 3, falseBlame: 3, runs: 7, seconds: 17, nodes: { right: 67, rounded: 15, wrong: 6 } },
    });
  });

  it('count no cause as missing where none is to be named', () => {
    expect(totalsOf([plant({ accepted: [], cause: null })], []).unexplained).toBe(0);
  });
});
