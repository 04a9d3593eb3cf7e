/** Hypotheses on norms, element-wise ops, feed-forward, embeddings, experts and recurrent layers. */
import type { Hypothesis } from '../../hypothesis';
import { CONCAT_ORDER, LAYOUT, REPEAT_ORDER } from './arrange';
import { BIAS, EXPERT_BIAS } from './bias';
import { ACTIVATION_KIND, GATE_LIMITS, GATE_PART, GATE_UP_SWAPPED } from './glu';
import { F16_OVERFLOW, HALF_ROUNDING } from './half-store';
import { LOOKUP_INDEX } from './lookup';
import { FACTOR_DROPPED, MOE_EXPERT, MOE_WEIGHTS } from './moe-experts';
import { MOE_GATING, MOE_SELECTION, MOE_WEIGHTS_NORM } from './moe-routing';
import { NORM_AXIS } from './norm-axis';
import { NORM_EPSILON } from './norm-epsilon';
import { NORM_FORMULA, NORM_KIND } from './norm-formula';
import { NORM_PRECISION } from './norm-precision';
import { NORM_OFFSET, NORM_WEIGHT } from './norm-weight';
import { EXP_OVERFLOW } from './overflow';
import { FUSED_NORM_INPUT } from './fused-norm';
import { PARTIAL_SUM } from './partial-sum';
import { QK_NORM_SKIPPED } from './qk-norm';
import { RECURRENCE, TOKEN_SHIFT } from './recurrence';
import { RESIDUAL, RESIDUAL_SCALE } from './residual';
import { EMBEDDING_SCALE, SCALE_FACTOR } from './scale';
import { LOGITS_SOFTCAP } from './softcap';
import { SSM_CONVOLUTION, SSM_SCAN } from './ssm';
import { STEP_SKIPPED } from './step-skipped';

/** Particular ones first, cheap before dear. */
export const LAYER_HYPOTHESES: readonly Hypothesis[] = [
  NORM_OFFSET,
  NORM_WEIGHT,
  // at the multiplication alone a norm that is skipped is a weight that is left out
  QK_NORM_SKIPPED,
  NORM_KIND,
  FUSED_NORM_INPUT,
  NORM_FORMULA,
  BIAS,
  RESIDUAL,
  GATE_UP_SWAPPED,
  ACTIVATION_KIND,
  GATE_PART,
  GATE_LIMITS,
  EMBEDDING_SCALE,
  LOGITS_SOFTCAP,
  LOOKUP_INDEX,
  EXP_OVERFLOW,
  F16_OVERFLOW,
  MOE_WEIGHTS_NORM,
  MOE_GATING,
  MOE_SELECTION,
  MOE_WEIGHTS,
  FACTOR_DROPPED,
  EXPERT_BIAS,
  MOE_EXPERT,
  CONCAT_ORDER,
  REPEAT_ORDER,
  LAYOUT,
  SSM_CONVOLUTION,
  SSM_SCAN,
  RECURRENCE,
  TOKEN_SHIFT,
  STEP_SKIPPED,
  NORM_AXIS,
  HALF_ROUNDING,
  NORM_PRECISION,
  NORM_EPSILON,
  PARTIAL_SUM,
  SCALE_FACTOR,
  RESIDUAL_SCALE,
];
