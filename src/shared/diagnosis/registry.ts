import type { Hypothesis } from './hypothesis';
import { ATTENTION_SCALE } from './hypotheses/attention-scale';

/** Every hypothesis; particular ones first, since time may run out. */
export const HYPOTHESES: readonly Hypothesis[] = [ATTENTION_SCALE];
