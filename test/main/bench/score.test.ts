import { describe, expect, it } from 'vitest';
import type { ControlResult, PlantResult, Totals } from '../../../src/main/bench/wizard/score';
import { meetsAims, totalsOf } from '../../../src/main/bench/wizard/score';

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
