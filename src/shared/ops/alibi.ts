/**
 * ALiBi: what a head multiplies its mask with. Source: `n_head_log2`, `m0`, `m1` in
 * `ggml_compute_forward_soft_max_f32` and `ggml_compute_forward_flash_attn_ext_f16_one_chunk` of ggml-cpu/ops.cpp.
 */
import type { Arithmetic } from './arithmetic';
import { intermediateRounding } from './arithmetic';

/** One slope per head: 2^(−maxBias/N × (h + 1)), N the power of two in `heads`, the heads beyond halfway between; 1 where maxBias is 0. */
export function alibiSlopes(heads: number, maxBias: number, arithmetic: Arithmetic): Float64Array {
  const slopes = new Float64Array(heads).fill(1);
  if (!(maxBias > 0)) return slopes;
  const r = intermediateRounding(arithmetic);
  const power = 2 ** Math.floor(Math.log2(heads));
  const m0 = r(2 ** r(-maxBias / power));
  const m1 = r(2 ** r(-(maxBias / 2) / power));
  return slopes.map((_, h) => r(h < power ? m0 ** (h + 1) : m1 ** (2 * (h - power) + 1)));
}
