import { describe, expect, it } from 'vitest';
import type { ControlResult, PlantResult, Totals } from '../../../src/main/bench/wizard/score';
import { meetsAims, totalsOf } from '../../../src/main/bench/wizard/score';

const totals = (changes: Partial<Totals>): Totals => ({
  ...{ plants: 100, nodeHits: 98, causeHits: 90, controls: 100, falseBlame: 0, runs: 200, seconds: 1 },
  ...changes,
});

describe('the aims of the wizard benchmark', () => {
  it('are met from 98 nodes and 90 causes of 100 on', () => {
    expect(meetsAims(totals({}))).toBe(true);
    expect(meetsAims(totals({ nodeHits: 97 }))).toBe(false);
    expect(meetsAims(totals({ causeHits: 89 }))).toBe(false);
  });

  it('are missed where any right node is blamed', () => {
    expect(meetsAims(totals({ falseBlame: 1, nodeHits: 100, causeHits: 100 }))).toBe(false);
  });

  it('are missed where nothing was planted', () => {
    expect(meetsAims(totalsOf([], []))).toBe(false);
    expect(meetsAims(totals({ plants: 0, nodeHits: 0, causeHits: 0 }))).toBe(false);
  });
});

describe('totals', () => {
  const plant = (hits: Pick<PlantResult, 'nodeHit' | 'causeHit' | 'falseBlame'>): PlantResult =>
    ({ ...hits, seconds: 2 }) as PlantResult;
  const control = (clean: boolean): ControlResult => ({ clean, seconds: 3 }) as ControlResult;

  it('count false blame of plants and of controls', () => {
    const plants = [
      plant({ nodeHit: true, causeHit: true, falseBlame: false }),
      plant({ nodeHit: true, causeHit: false, falseBlame: false }),
      plant({ nodeHit: false, causeHit: false, falseBlame: true }),
    ];
    expect(totalsOf(plants, [control(true), control(false), control(false)])).toEqual({
      ...{ plants: 3, nodeHits: 2, causeHits: 1, controls: 3, falseBlame: 3, runs: 6, seconds: 15 },
    });
  });
});
