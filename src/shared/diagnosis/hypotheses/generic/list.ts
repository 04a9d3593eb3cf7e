/** Hypotheses that describe an error at any node. */
import type { Hypothesis } from '../../hypothesis';
import { CONSTANT_FACTOR, CONSTANT_OFFSET, CONSTANT_VECTOR } from './linear-fit';
import { COLUMNS_MOVED, ROWS_MOVED, TRANSPOSED } from './moved';
import { INPUT_PASSED_ON, RESULT_CLIPPED, RESULT_ROUNDED, SIGN_LOST } from './pointwise';
import { WRONG_PAST_LIMIT } from './past-limit';
import { UNWRITTEN } from './unwritten';

/** The last to try: they say less than any other. */
export const GENERIC_HYPOTHESES: readonly Hypothesis[] = [
  UNWRITTEN,
  INPUT_PASSED_ON,
  CONSTANT_FACTOR,
  CONSTANT_OFFSET,
  SIGN_LOST,
  RESULT_CLIPPED,
  ROWS_MOVED,
  COLUMNS_MOVED,
  TRANSPOSED,
  CONSTANT_VECTOR,
  RESULT_ROUNDED,
  WRONG_PAST_LIMIT,
];
