/** How a ROPE node turns its channels; from op_params, see `ggml_rope_impl` in ggml.c. */
export interface RopeParams {
  /** Rotated channels. */
  readonly nDims: number;
  readonly mode: number;
  readonly contextLength: number;
  readonly freqBase: number;
  readonly freqScale: number;
  readonly extFactor: number;
  readonly attnFactor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  /** First rotated channel. */
  readonly first: number;
}

export const ROPE_NORM = 0;
export const ROPE_NEOX = 2;

/** @param opParams ggml's 16 int32 op parameters; floats lie in them as bits */
export function ropeParams(opParams: readonly number[]): RopeParams {
  const ints = Int32Array.from(opParams);
  const floats = new Float32Array(ints.buffer);
  return {
    nDims: ints[1] ?? 0,
    mode: ints[2] ?? 0,
    contextLength: ints[4] ?? 0,
    freqBase: floats[5] ?? 0,
    freqScale: floats[6] ?? 0,
    extFactor: floats[7] ?? 0,
    attnFactor: floats[8] ?? 0,
    betaFast: floats[9] ?? 0,
    betaSlow: floats[10] ?? 0,
    first: ints[15] ?? 0,
  };
}

/**
 * Cosine and sine of every pair at every position, computed in f64 and rounded once: element 2(i·nDims/2 + p) is the
 * cosine of pair p at `positions[i]`, the next its sine. YaRN as `rope_yarn` in ggml-cpu/ops.cpp.
 * @param factors frequency factors, one per pair, that divide the angle
 */
export function ropeTable(rope: RopeParams, positions: Int32Array, factors?: Float32Array): Float32Array {
  const pairs = rope.nDims / 2;
  const table = new Float32Array(2 * pairs * positions.length);
  const { freqScale, extFactor } = rope;
  const [low, high] = correctionRange(rope);
  const magnitude = rope.attnFactor * (extFactor === 0 ? 1 : 1 + 0.1 * Math.log(1 / freqScale));
  for (let p = 0; p < pairs; p++) {
    const frequency = rope.freqBase ** ((-2 * p) / rope.nDims) / (factors?.[p] ?? 1);
    const ramp = 1 - Math.min(1, Math.max(0, (p - low) / Math.max(0.001, high - low)));
    const extrapolated = ramp * extFactor;
    const slope = frequency * (freqScale * (1 - extrapolated) + extrapolated);
    for (let i = 0; i < positions.length; i++) {
      const theta = (positions[i] as number) * slope;
      const at = 2 * (i * pairs + p);
      table[at] = Math.cos(theta) * magnitude;
      table[at + 1] = Math.sin(theta) * magnitude;
    }
  }
  return table;
}

/** The pairs between which YaRN goes from extrapolation to interpolation: `ggml_rope_yarn_corr_dims` in ggml.c. */
function correctionRange(rope: RopeParams): readonly [number, number] {
  if (rope.extFactor === 0) return [0, 0];
  const pair = (rotations: number): number =>
    (rope.nDims * Math.log(rope.contextLength / (rotations * 2 * Math.PI))) / (2 * Math.log(rope.freqBase));
  return [Math.max(0, Math.floor(pair(rope.betaFast))), Math.min(rope.nDims - 1, Math.ceil(pair(rope.betaSlow)))];
}
