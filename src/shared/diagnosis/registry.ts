import type { Hypothesis } from './hypothesis';
import { ATTENTION_HYPOTHESES } from './hypotheses/attention/list';
import { GENERIC_HYPOTHESES } from './hypotheses/generic/list';
import { LAYER_HYPOTHESES } from './hypotheses/layers/list';
import { WEIGHT_HYPOTHESES } from './hypotheses/weights/list';

/**
 * Every hypothesis, in the order in which they are tried while time lasts: those of ops without weights are cheap, those
 * of weights decode them again, those that only describe an error come last.
 */
export const HYPOTHESES: readonly Hypothesis[] = [
  ...ATTENTION_HYPOTHESES,
  ...LAYER_HYPOTHESES,
  ...WEIGHT_HYPOTHESES,
  ...GENERIC_HYPOTHESES,
];
