/**
 * Whether two runs of 32-bit words are equal, and if not, about where: the first index, rounded down to a multiple of 16,
 * of a difference, or `count`.
 */
export function firstDifference(a: usize, b: usize, count: i32): i32 {
  let i = 0;
  for (const whole = count & ~15; i < whole; i += 16, a += 64, b += 64) {
    const d0 = v128.xor(v128.load(a), v128.load(b));
    const d1 = v128.xor(v128.load(a, 16), v128.load(b, 16));
    const d2 = v128.xor(v128.load(a, 32), v128.load(b, 32));
    const d3 = v128.xor(v128.load(a, 48), v128.load(b, 48));
    if (v128.any_true(v128.or(v128.or(d0, d1), v128.or(d2, d3)))) return i;
  }
  for (let tail = i; tail < count; tail++, a += 4, b += 4) if (load<u32>(a) != load<u32>(b)) return i;
  return count;
}
