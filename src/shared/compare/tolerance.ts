import type { OpKind } from '../graph/ggml-op';
import type { TraceDtype } from '../trace/trace';

/**
 * The one table of tolerances. A node's noise floor is measured on its own inputs (the spread between correct ways to
 * compute it); what stands here is only what a measurement on two ways cannot show.
 */
export interface FloorEntry {
  /** Least noise floor, as NMSE. */
  readonly least: number;
  readonly reason: string;
}

/**
 * "Seen" is the worst NMSE of exact arithmetic against llama.cpp over seven real graphs and 13 further architectures,
 * each node on llama.cpp's own inputs. The floors stand two to three orders above, for engines that round elsewhere.
 */
const ROUNDING: FloorEntry = {
  least: 1e-13,
  reason: 'a few f32 roundings, 1.2e-15 each; 0 seen for ADD, MUL, DIV, SCALE',
};

const MOVE: FloorEntry = { least: 1e-14, reason: 'moves values; a conversion rounds once; 0 seen' };
const EXP: FloorEntry = { least: 1e-11, reason: 'exp by a polynomial to a few ULP; 8.9e-15 seen' };
const NORM: FloorEntry = {
  least: 1e-12,
  reason: 'f32 sum of squares in any order, reciprocal square root; 9.3e-15 seen',
};
const SUM: FloorEntry = { least: 1e-12, reason: 'f32 accumulation in any order; 0 seen where ggml adds in f64' };
const RECURRENCE: FloorEntry = {
  least: 1e-12,
  reason: 'f32 state carried from token to token, f32 sums over it in any order; 2.0e-14 seen',
};
const DECAY: FloorEntry = {
  least: 1e-11,
  reason: 'as RECURRENCE, and exp of an f32 product by a polynomial to a few ULP; 2.3e-14 seen',
};
const GELU: FloorEntry = { least: 1e-7, reason: 'ggml looks the result up in a table of f16; 1.0e-7 seen' };

const MAT_MUL: FloorEntry = {
  least: 1e-11,
  reason: 'f32 accumulation in any order, ne[0] × 2^-48 for plain summation; 1.8e-14 seen (F32)',
};

const LEAST_FLOOR: Partial<Readonly<Record<OpKind, FloorEntry>>> = {
  GET_ROWS: MOVE,
  CONT: MOVE,
  CPY: MOVE,
  DUP: MOVE,
  SET_ROWS: MOVE,
  REPEAT: MOVE,
  CONCAT: MOVE,
  PAD: MOVE,
  PAD_REFLECT_1D: MOVE,
  ROLL: MOVE,
  UPSCALE: MOVE,
  IM2COL: MOVE,
  SET: MOVE,
  DIAG: MOVE,
  DIAG_MASK_INF: MOVE,
  DIAG_MASK_ZERO: MOVE,
  TRI: MOVE,
  FILL: MOVE,
  ARGSORT: MOVE,
  TOP_K: MOVE,
  MUL_MAT: MAT_MUL,
  MUL_MAT_ID: MAT_MUL,
  OUT_PROD: { least: 1e-11, reason: 'as MUL_MAT; ggml adds up in one go: 8.8e-13 seen for 4099 products' },
  CONV_TRANSPOSE_1D: { least: 1e-11, reason: 'as MUL_MAT; 1.4e-14 seen for 257 channels' },
  POOL_1D: { least: 1e-12, reason: 'f32 sums of windows in any order; 2.3e-14 seen for 64 elements' },
  SUM,
  SUM_ROWS: SUM,
  MEAN: SUM,
  CUMSUM: SUM,
  NORM,
  RMS_NORM: NORM,
  L2_NORM: NORM,
  GROUP_NORM: NORM,
  ROPE: { least: 1e-11, reason: 'sin and cos in f32 of an f32 angle, see ropeFloor; 2.6e-14 seen' },
  SSM_SCAN: DECAY,
  GATED_DELTA_NET: DECAY,
  GATED_LINEAR_ATTN: RECURRENCE,
  RWKV_WKV6: RECURRENCE,
  RWKV_WKV7: RECURRENCE,
  SOLVE_TRI: { least: 1e-12, reason: 'f32 sums over earlier rows in any order; 5.8e-15 seen, well conditioned' },
  SOFT_MAX: EXP,
  FLASH_ATTN_EXT: {
    least: 1e-11,
    reason: 'exp of f32 logits, f32 sums over channels and keys in any order; 2.3e-12 seen (F32, 1031 keys)',
  },
  LIGHTNING_INDEXER: {
    least: 1e-11,
    reason: 'as MUL_MAT, then f32 sums of products of either sign; 1.0e-12 seen for 64 heads',
  },
  DSV4_HC_COMB: EXP,
  EXP,
  EXPM1: EXP,
  ELU: EXP,
  XIELU: EXP,
  SILU: EXP,
  SIGMOID: EXP,
  SOFTPLUS: EXP,
  TANH: EXP,
  SWIGLU: EXP,
  SWIGLU_OAI: EXP,
  SWIGLU_CLAMP: EXP,
  GELU,
  GEGLU: GELU,
  GELU_ERF: EXP,
  GEGLU_ERF: EXP,
  GELU_QUICK: GELU,
  GEGLU_QUICK: GELU,
};

export function leastFloor(kind: OpKind): FloorEntry {
  return LEAST_FLOOR[kind] ?? ROUNDING;
}

/** An f32 angle of size `position` is off by up to position × 2^-24, and so are its sine and cosine. */
export function ropeFloor(maxPosition: number): number {
  const angleError = maxPosition * 2 ** -24;
  return Math.max(leastFloor('ROPE').least, angleError * angleError);
}

/**
 * What storing activations in fewer bits adds, per computing node from one checkpoint to the next: relative rounding
 * u² with u = 2^-11 (F16), 2^-8 (BF16), 2^-4 (F8_E4M3) or 2^-3 (F8_E5M2), times a factor for the roundings inside an op.
 */
const STORAGE_FLOOR: Readonly<Record<TraceDtype, number>> = {
  F64: 0,
  F32: 0,
  F16: 4 * 2 ** -22,
  BF16: 4 * 2 ** -16,
  F8_E4M3: 4 * 2 ** -8,
  F8_E5M2: 4 * 2 ** -6,
  ...{ I64: 0, I32: 0, I16: 0, I8: 0, U64: 0, U32: 0, U16: 0, U8: 0 },
};

export function storageFloor(dtype: TraceDtype, nodesSinceCheckpoint: number): number {
  return STORAGE_FLOOR[dtype] * nodesSinceCheckpoint;
}

/**
 * Most that correct ways may lie apart, as NMSE: where 8-bit activations lose nearly all of a tiny result they are 0.3 to
 * 0.5 apart, and five such floors would pass a result of zeros (NMSE 1). With this, half of the energy is an error.
 */
export const MOST_SPREAD = 0.1;

/** Margins above the floor. */
export const MARGIN = {
  /**
   * Local NMSE over noise floor from which a node is bad. Seen with correct engines, in floors: 0.02 for another CPU
   * variant of llama.cpp over 16 architectures and SmolLM2, 0.11 for PyTorch in f16; a third way to round activations
   * may reach 1 or 2.
   */
  node: 5,
  /**
   * Squared error of one output channel (weight row) over the channel noise from which it is bad: 30 standard
   * deviations. It finds one wrong weight block in a matrix whose total the noise floor would swallow.
   */
  channel: 1000,
  /** The same test asks for this share of the channel's own energy, so that near-zero channels cannot fail it. */
  channelShare: 1e-3,
} as const;

/** When an error above the noise floor is rounding (diagnosis/rounding). */
export const ROUNDING_NOISE = {
  /**
   * Most that an error's energy may be of what rounding to the precision makes of the same inputs, on the average: twice
   * the deviation. Rounding at several places at once adds up to that; a coarser precision is eight times as far.
   */
  most: 4,
  /** Local NMSE above which nothing but numbers below a type's range is looked at: 4-bit blocks make a few hundredths. */
  largest: 0.3,
} as const;

/**
 * Inherited error at the logits above which a candidate that is clean node by node is examined once more on its own
 * inputs: 1.1e-3 was seen between correct engines, so this only costs time.
 */
export const INHERITED_SUSPICION = 5e-4;

/** `compare`: NMSE from which two traces differ, unless --max-nmse says otherwise. Correct engines reach 8.1e-3. */
export const COMPARE_MAX_NMSE = 1e-2;

/**
 * `conformance`: NMSE of a lane's free run at the last node, against llama.cpp, up to which a model passes whatever was
 * measured. Over 106 random architectures an f32 engine stays at or below 3.6e-4: what llama.cpp's 8-bit activations add
 * up to. Where the reference, run in that arithmetic, ends further from itself, the limit is MARGIN.node times that.
 */
export const CONFORMANCE_MAX_NMSE = 5e-4;

/**
 * `bisect --observe`: NMSE between the last results of two ways to run the same tokens (at once and one by one, cached and
 * not) up to which they are the same: as CONFORMANCE_MAX_NMSE, what other orders of sums and
 * 8-bit activations add up to. Where llama.cpp's own two ways end further apart, the limit is MARGIN.node times that.
 */
export const OBSERVED_MAX_NMSE = 5e-4;

/** When a verdict may say "clean": what of the graph it must rest on. */
export const COVERAGE = {
  /**
   * Least share of a graph's nodes, measured or in a stretch that is answered for. A layer of eight that nobody saw is
   * 12 %; a lane that lacks an op, or a dump without a few odd nodes (masks, position tables), stays above.
   */
  share: 0.9,
  /**
   * Longest stretch that its end answers for, in layers (the largest of the graph). Layer ends are what forward hooks
   * give; half a layer more is for the embedding before the first and the last norm, where engines dump after it. Over
   * several layers a small error drowns in the noise of the stretch.
   */
  layers: 1.5,
  /** The same in nodes, for a graph whose names tell no layers: as many as a plain transformer layer has. */
  withoutLayers: 24,
  /**
   * Share of the nodes that are measured themselves from which stretches of any length count: who dumps whole layers has
   * shown how every kind of node is computed, and the rest is answered for by its end, if bluntly. A few nodes have not.
   */
  measured: 0.25,
} as const;

/** When a hypothesis that was replayed counts as the cause. */
export const CAUSE = {
  /**
   * Share of the squared error that it explains: what is left of a bug that was found is rounding, 1e-3 of the error or
   * less; related mistakes (the scale's high bits and the min's, one epsilon and the next) leave a third and more.
   */
  share: 0.9,
  /**
   * Share where a parameter was estimated from the wrong numbers: one that is fitted takes a part of any error with it
   * (97 % were seen with six elements), but of its own it leaves only rounding.
   */
  estimatedShare: 0.99,
  /** An error that is only a few noise floors large leaves rounding in its own size: what is left must be noise … */
  residualFloors: MARGIN.node,
  /** … and most of the error must be gone. */
  shareNearFloor: 0.6,
  /** Two hypotheses whose shares differ by less, and … */
  tie: 0.01,
  /** … whose residuals differ by no more than rounding may, say the same: the more particular one is named. */
  tieResidual: 2,
} as const;

/** Relative to the sum of magnitudes: what f32 sums in any order lose where an executor is asked for its weights. */
export const ASKED_ROUNDING = 1e-5;

/** Relative to the block's largest: a weight that is read, asked or solved for differs from this on. */
export const SAME_WEIGHT = 1e-5;

/**
 * Share of the squared error that a single weight block, solved for from the outputs, may leave: what an engine's own
 * rounding of its activations leaves is 1e-4 and less; with eight spare equations another block leaves a tenth and more.
 */
export const SOLVED_RESIDUAL = 1e-2;

/**
 * Least confidence of an inferred name that is used without asking. Confidence is (d₂ − d₁) / (d₂ + d₁) of the distances
 * of best and second best reading, less where both are rounding, times the share of layers that agree: 0.6 means that the
 * second best fits four times worse. Measured: of the 393 names of each PyTorch dump of SmolLM2, with their names and
 * without, and of the reference's results without names on 9 random architectures, right and drifting, none above it is
 * wrong.
 */
export const MAP_CONFIDENCE = 0.6;

/**
 * NMSE up to which the reference's result on a repro's inputs is the one that the folder expects: exact arithmetic gives
 * the same bits on one machine; sines, exponentials and logarithms of another C library may differ in the last place.
 */
export const REPRO_SAME = 1e-12;
