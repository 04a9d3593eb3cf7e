import type { Verdict } from '../../../shared/divergence/verdict';
import type { BenchRun } from './bench-run';
import type { PlantCommon } from './plant';
import type { Random } from './random';

/** A run that is wrong before any node is. */
export interface InputPlant extends PlantCommon {
  readonly kind: 'input';
  plant(run: BenchRun, random: Random, model: string): Promise<InputOutcome>;
}

export interface InputOutcome {
  readonly verdict: Verdict;
  /** Whether the preflight names it and no node is blamed. */
  readonly hit: boolean;
  readonly note: string;
  readonly planted: string;
}
