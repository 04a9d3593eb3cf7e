/** f16 scales, decoded on integers: exact, and nothing is left to how an engine treats NaNs or subnormals. */

/**
 * The f16 `h` times 2^power, exact for −100 ≤ power ≤ 0: the least subnormal, 2⁻²⁴, stays a normal f32.
 *
 *     f16   s eeeee mmmmmmmmmm                     bias 15
 *     f32   s eeeeeeee mmmmmmmmmm0000000000000     bias 127
 *
 * Callers fold the position of their codes within a lane into `power`: a code in the top byte is 2²⁴ times too large.
 */
export function f16(h: u32, power: i32): f32 {
  const magnitude = h & 0x7fff;
  // Normal numbers, nearly all of them, in one comparison: 0x400 ≤ magnitude < 0x7c00.
  if (magnitude - 0x400 < 0x7800) {
    return reinterpret<f32>(((h & 0x8000) << 16) | ((magnitude << 13) + (((112 + power) as u32) << 23)));
  }
  return rareF16(h) * reinterpret<f32>(((127 + power) as u32) << 23);
}

/** Zero, subnormal, infinity, NaN. */
function rareF16(h: u32): f32 {
  const magnitude = h & 0x7fff;
  const sign = (h & 0x8000) << 16;
  if (magnitude >= 0x7c00) {
    const quiet: u32 = magnitude > 0x7c00 ? 0x400000 : 0;
    return reinterpret<f32>(sign | (magnitude << 13) | 0x7f800000 | quiet);
  }
  const value = (magnitude as f32) * reinterpret<f32>((127 - 24) << 23);
  return reinterpret<f32>(sign | reinterpret<u32>(value));
}

/** The f16 at `p`, times 2^power. */
export function loadF16(p: usize, power: i32): f32 {
  return f16(load<u16>(p) as u32, power);
}
