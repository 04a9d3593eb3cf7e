import type { RoundedPart } from '../../../shared/divergence/rounding';

/**
 * Which causes are right for a plant: ids of hypotheses, chosen by what the plant does. A general one is not where a
 * particular one exists; several where the plant draws among bugs that have their own, or where one bug has two names.
 */
const ACCEPTED: Readonly<Record<string, readonly string[]>> = {
  // Weights
  'q4k-scale-bits': ['k-scale-high-bits'],
  'q3k-scale-4-bit': ['sub-block-scale-bits'],
  'q2k-scale-lane': ['sub-block-order'],
  'nibbles-interleaved': ['code-order'],
  'nibbles-swapped': ['code-order'],
  'short-header': ['codes-at-wrong-byte', 'weight-read-as-another-type'],
  'twos-complement': ['code-offset'],
  'iq3s-grid-entry': ['codebook-values'],
  'codebook-entry': ['codebook-values'],
  'subnormal-scale-flushed': ['subnormal-scale-flushed'],
  'subnormal-scale-x16': ['subnormal-scale-rescaled'],
  'codes-in-f16': ['packed-carried-as-floats'],
  'min-sign': ['block-min'],
  'high-bits-missing': ['code-high-bits'],
  'q6k-unsigned-scale': ['sub-block-scale-bits'],
  'half-precision-decode': ['half-precision-decode'],
  'wrong-offset': ['tensor-data-offset'],
  'reordered-weights': ['weight-layout-mixed-up'],
  'index-wraps': ['weight-offset-overflow', 'weight-row-index'],
  'nan-block': ['weight-not-finite'],
  'transposed-weight': ['weight-transposed'],
  'tied-head': ['another-tensor'],
  'tile-tail': ['results-past-tile-missing', 'sum-tail-dropped'],
  'cut-to-f16': ['half-rounding'],
  // Rope
  'rope-pairs': ['rope-pairing'],
  'rope-factors-ignored': ['rope-frequency-factors'],
  yarn: ['rope-scaling'],
  'partial-rope': ['rope-channels'],
  'rope-base': ['rope-base'],
  'position-offset': ['rope-position', 'rope-position-offset'],
  'rope-backwards': ['rope-direction'],
  'rope-skipped': ['rope-skipped'],
  'qk-permute-skipped': ['head-channel-layout'],
  // Attention
  'attention-scale': ['attention-scale', 'attention-scale-value'],
  'mask-off-by-one': ['attention-mask'],
  'mask-missing': ['attention-mask'],
  'unfilled-rows': ['attention-mask'],
  'window-ignored': ['sliding-window'],
  'window-off-by-one': ['sliding-window'],
  'sinks-ignored': ['attention-sinks'],
  'soft-max-no-maximum': ['soft-max-range'],
  'soft-max-initial-zero': ['soft-max-range'],
  'masked-nan': ['masked-rows'],
  'gqa-tiled': ['gqa-heads'],
  'f16-overflow': ['f16-overflow', 'f16-results'],
  'f16-accumulator': ['f16-accumulation'],
  'strides-ignored': ['strides-ignored', 'layout-ignored'],
  'softcap-missing': ['attention-softcap', 'logits-softcap'],
  'cache-row': ['cache-write'],
  'cache-row-lost': ['cache-write'],
  'one-head': ['head-repeated', 'gqa-head-map'],
  // Layers
  epsilon: ['norm-epsilon'],
  'partial-reduction': ['partial-sum'],
  'norm-offset-twice': ['norm-offset'],
  'final-norm-offset': ['norm-offset'],
  'norm-weight-skipped': ['norm-weight'],
  'qkv-bias': ['bias'],
  residual: ['residual'],
  'gate-up-swapped': ['gate-up-swapped'],
  activation: ['activation-kind'],
  'gelu-range': ['exp-overflow'],
  'embedding-scale': ['embedding-scale'],
  'token-shift': ['lookup-index'],
  'fused-add-norm': ['fused-norm-input'],
  'qk-norm': ['qk-norm-skipped'],
  'stale-scalar': ['scale-factor'],
  // rows of keys or values that are lost before the cache, or in it: the same numbers wherever only a later node is dumped
  'past-a-limit': ['results-past-tile-missing', 'unwritten', 'wrong-past-limit', 'cache-write'],
  'expert-weights': ['moe-weights-norm', 'moe-weights'],
  'wrong-expert': ['expert-bias', 'moe-expert'],
  // Kernels
  'k-scale-bits-kernel': ['k-scale-high-bits'],
  'q3k-scale-kernel': ['sub-block-scale-bits'],
  'q2k-lane-kernel': ['sub-block-order'],
  'q4_0-nibbles-kernel': ['code-order'],
  'iq4nl-nibbles-kernel': ['code-order'],
  'mxfp4-nibbles-kernel': ['code-order'],
  'q4_1-header-kernel': ['codes-at-wrong-byte', 'weight-read-as-another-type'],
  'q4_0-sign-kernel': ['code-offset'],
  'iq3s-grid-kernel': ['i-quant-codebook'],
  'q5_0-high-bit-kernel': ['code-high-bits'],
  'q6k-high-bits-kernel': ['code-high-bits'],
  'q4k-min-kernel': ['block-min'],
  'subnormal-kernel': ['subnormal-scale-flushed'],
  'subnormal-x16-kernel': ['subnormal-scale-rescaled'],
  'rope-pairs-kernel': ['rope-pairing'],
  'partial-rope-kernel': ['rope-channels'],
  'epsilon-kernel': ['norm-epsilon'],
  'partial-reduction-kernel': ['partial-sum'],
  'attention-scale-kernel': ['attention-scale', 'attention-scale-value'],
  'gqa-kernel': ['gqa-heads'],
  'tile-tail-kernel': ['results-past-tile-missing', 'wrong-past-limit'],
  'index-wraps-kernel': ['weight-offset-overflow', 'weight-row-index'],
  'one-node-kernel': ['results-past-tile-missing', 'unwritten', 'wrong-past-limit'],
  'cache-row-lost-kernel': ['cache-write'],
  'gate-up-kernel': ['gate-up-swapped'],
  'f16-store-kernel': ['f16-overflow'],
  'scale-bias-kernel': ['scale-factor', 'embedding-scale'],
  // Inputs
  'double-bos': ['double-bos'],
  'missing-bos': ['missing-bos'],
  'pre-tokenizer': ['tokenizer'],
};

/** Bugs of the catalogue that are nothing but rounding: what is to be told of them. */
const ROUNDINGS: Readonly<Record<string, readonly RoundedPart[]>> = {
  // a row that is only read: its weights and its result are one
  'half-precision-decode': ['weights', 'results'],
  'f16-accumulator': ['sums'],
};

export function acceptedRoundings(plant: string): readonly RoundedPart[] | undefined {
  return ROUNDINGS[plant];
}

export function acceptedCauses(plant: string): readonly string[] {
  return ACCEPTED[plant] ?? [];
}
