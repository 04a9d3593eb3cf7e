import type { Hypothesis } from '../../hypothesis';
import { ALIBI_SLOPES } from './alibi-slopes';
import { ATTENTION_MASK } from './attention-mask';
import { ATTENTION_SCALE, ATTENTION_SCALE_VALUE } from './attention-scale';
import { ATTENTION_SINKS } from './attention-sinks';
import { ATTENTION_SOFTCAP, ATTENTION_SOFTCAP_VALUE } from './attention-softcap';
import { CACHE_PRECISION } from './cache-precision';
import { CACHE_WRITE } from './cache-write';
import { GQA_HEADS, GQA_HEAD_MAP } from './gqa-heads';
import { HALF_RESULTS } from './half-results';
import { HALF_SUMS } from './half-sums';
import { HEAD_LAYOUT } from './head-layout';
import { HEAD_ORDER } from './head-order';
import { HEAD_REPEATED } from './head-repeated';
import { MASKED_ROWS } from './masked-rows';
import { PARTIAL_SUMS } from './partial-sums';
import { ROPE_BASE } from './rope-base';
import { ROPE_CHANNELS } from './rope-channels';
import { ROPE_EXPONENT } from './rope-exponent';
import { ROPE_FACTORS } from './rope-factors';
import { ROPE_FREQUENCY_SCALE } from './rope-frequency-scale';
import { ROPE_HEADS } from './rope-heads';
import { ROPE_OTHER_LAYER } from './rope-other-layer';
import { ROPE_PAIRING } from './rope-pairing';
import { ROPE_POSITION } from './rope-position';
import { ROPE_POSITION_OFFSET } from './rope-position-offset';
import { ROPE_PRECISION } from './rope-precision';
import { ROPE_SKIPPED, ROPE_DIRECTION, ROPE_TWICE } from './rope-rotation';
import { ROPE_SCALING } from './rope-scaling';
import { ROPE_SECTIONS } from './rope-sections';
import { SLIDING_WINDOW, SLIDING_WINDOW_LENGTH } from './sliding-window';
import { SOFT_MAX_FORMULA } from './soft-max-formula';
import { SOFT_MAX_PARTIAL } from './soft-max-partial';
import { SOFT_MAX_RANGE } from './soft-max-range';
import { STRIDES_IGNORED } from './strides-ignored';
import { VALUE_TRANSPOSE } from './value-transpose';

/** Rotation, attention, masks and caches: particular ones first, cheap before dear. */
export const ATTENTION_HYPOTHESES: readonly Hypothesis[] = [
  ROPE_PAIRING,
  ROPE_SKIPPED,
  ROPE_DIRECTION,
  ROPE_TWICE,
  ROPE_POSITION,
  ROPE_FACTORS,
  ROPE_SCALING,
  ROPE_CHANNELS,
  ROPE_EXPONENT,
  ROPE_OTHER_LAYER,
  ROPE_SECTIONS,
  HEAD_LAYOUT,
  HEAD_ORDER,
  STRIDES_IGNORED,
  ATTENTION_SCALE,
  ATTENTION_MASK,
  SLIDING_WINDOW,
  ATTENTION_SOFTCAP,
  ATTENTION_SINKS,
  ALIBI_SLOPES,
  GQA_HEADS,
  VALUE_TRANSPOSE,
  CACHE_WRITE,
  CACHE_PRECISION,
  SOFT_MAX_FORMULA,
  MASKED_ROWS,
  SOFT_MAX_RANGE,
  ROPE_HEADS,
  ROPE_PRECISION,
  HALF_RESULTS,
  SOFT_MAX_PARTIAL,
  PARTIAL_SUMS,
  GQA_HEAD_MAP,
  HEAD_REPEATED,
  ROPE_BASE,
  ROPE_FREQUENCY_SCALE,
  ROPE_POSITION_OFFSET,
  ATTENTION_SCALE_VALUE,
  ATTENTION_SOFTCAP_VALUE,
  SLIDING_WINDOW_LENGTH,
  HALF_SUMS,
];
