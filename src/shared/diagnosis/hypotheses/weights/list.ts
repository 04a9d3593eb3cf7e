import type { Hypothesis } from '../../hypothesis';
import { ACTIVATION_PRECISION } from './activation-precision';
import { ANOTHER_TENSOR } from './another-tensor';
import { ANOTHER_TYPE, CODES_OFFSET } from './another-type';
import {
  SCALE_OF_ANOTHER_BLOCK,
  SCALE_READ_AS_ANOTHER_FLOAT,
  SUBNORMAL_SCALE_FLUSHED,
  SUBNORMAL_SCALE_RESCALED,
} from './block-scale';
import { CODE_HIGH_BITS, CODE_ORDER } from './code-order';
import { ANOTHER_CODE_TABLE, CODE_OFFSET } from './code-values';
import { CODEBOOK_VALUES } from './codebook-values';
import { HALF_PRECISION_DECODE } from './half-precision';
import { I_QUANT_CODEBOOK, I_QUANT_SIGNS } from './i-quant-signs';
import { BLOCK_MIN } from './mins';
import { PACKED_CARRIED_AS_FLOATS } from './packed-as-floats';
import { I_QUANT_SCALE_STEP, SCALE_HIGH_BITS, SCALES_AS_MINS, SUB_BLOCK_SCALE_BITS } from './packed-scales';
import { STRUCT_OF_ARRAYS } from './struct-of-arrays';
import { SUB_BLOCK_ORDER } from './sub-block-order';
import { RESULTS_NOT_COMPUTED } from './results-missing';
import { SUM_TAIL_DROPPED } from './sum-tail';
import { TRANSPOSED_WEIGHT } from './transposed';
import { WEIGHT_NOT_FINITE } from './weight-not-finite';
import { OFFSET_OVERFLOW, TENSOR_OFFSET, WEIGHT_ROW_INDEX } from './weight-offset';

/** Mistakes in reading and decoding weights: particular ones first, cheap before dear. */
export const WEIGHT_HYPOTHESES: readonly Hypothesis[] = [
  SCALE_HIGH_BITS,
  SUB_BLOCK_SCALE_BITS,
  SCALES_AS_MINS,
  BLOCK_MIN,
  CODE_OFFSET,
  CODE_ORDER,
  CODE_HIGH_BITS,
  SUBNORMAL_SCALE_FLUSHED,
  SCALE_READ_AS_ANOTHER_FLOAT,
  ANOTHER_CODE_TABLE,
  I_QUANT_SCALE_STEP,
  I_QUANT_SIGNS,
  I_QUANT_CODEBOOK,
  ANOTHER_TENSOR,
  SUM_TAIL_DROPPED,
  RESULTS_NOT_COMPUTED,
  WEIGHT_NOT_FINITE,
  WEIGHT_ROW_INDEX,
  ANOTHER_TYPE,
  SCALE_OF_ANOTHER_BLOCK,
  SUB_BLOCK_ORDER,
  CODES_OFFSET,
  PACKED_CARRIED_AS_FLOATS,
  STRUCT_OF_ARRAYS,
  TRANSPOSED_WEIGHT,
  OFFSET_OVERFLOW,
  HALF_PRECISION_DECODE,
  ACTIVATION_PRECISION,
  CODEBOOK_VALUES,
  SUBNORMAL_SCALE_RESCALED,
  TENSOR_OFFSET,
];
