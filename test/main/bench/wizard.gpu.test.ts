import { describe, expect, it } from 'vitest';
import type { PlantResult, WizardBench } from '../../../src/main/bench/wizard/score';
import { AIMS, meetsAims } from '../../../src/main/bench/wizard/score';
import { benchWizard } from '../../../src/main/bench/wizard/wizard-bench';
import { nodeEngines } from '../../../src/main/cli/engines';
import { Control } from '../../../src/shared/base/control';

const MINUTE = 60_000;
const isFull = process.env['QUARREL_FULL'] === '1';

function run(seed: number, reduced: boolean): Promise<WizardBench> {
  return benchWizard({ seed, reduced }, nodeEngines, new Control(() => undefined));
}

/** What is short of an aim, in the words of the benchmark. */
const missed = (plants: readonly PlantResult[], what: 'nodeHit' | 'causeHit'): readonly string[] =>
  plants
    .filter((p) => !p[what])
    .map((p) => `${p.name} in ${p.model} at ${p.planted}: ${p.found}, ${p.cause ?? 'none'}`);

describe('planted bugs', () => {
  it(
    'are found, the reduced set, and no right candidate is blamed',
    async () => {
      const bench = await run(1, true);
      expect(bench.plants.length).toBeGreaterThanOrEqual(14);
      expect(bench.controls.length).toBeGreaterThanOrEqual(12);
      expect(bench.controls.filter((c) => !c.clean)).toEqual([]);
      expect(bench.plants.filter((p) => p.falseBlame)).toEqual([]);
      expect(missed(bench.plants, 'nodeHit')).toEqual([]);
      expect(missed(bench.plants, 'causeHit').length).toBeLessThanOrEqual((1 - AIMS.cause) * bench.plants.length);
      expect(meetsAims(bench.totals)).toBe(true);
    },
    5 * MINUTE,
  );

  it.runIf(isFull)(
    'are found, all of them, as docs/benchmarks.md says',
    async () => {
      const bench = await run(1, false);
      const { plants, controls, totals } = bench;
      expect(controls.length).toBeGreaterThanOrEqual(plants.length);
      expect(controls.filter((c) => !c.clean)).toEqual([]);
      expect(plants.filter((p) => p.falseBlame)).toEqual([]);
      const short = [...missed(plants, 'nodeHit'), ...missed(plants, 'causeHit')].join('\n');
      expect(meetsAims(totals), short).toBe(true);
    },
    60 * MINUTE,
  );
});
