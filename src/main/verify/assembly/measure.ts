/**
 * Statistics of f32 values in one pass. They add up in one block of memory, which the caller reads:
 *
 *     byte   0   f64   sum of the finite values, in two partial sums
 *     byte  16   f64   sum of their squares, in two partial sums
 *     byte  32   f32   least finite value, four candidates
 *     byte  48   f32   greatest finite value, four candidates
 *     byte  64   i32   zeros of either sign, in four partial sums
 *     byte  80   i32   NaNs, in four partial sums
 *     byte  96   u32   four histograms of 1024 bins each, to be added up; the bin is the upper ten bits of the value:
 *                      sign, exponent, first bit of the mantissa
 *
 * Sums are f64, in the order of the values: equal for equal calls, however many threads share the work.
 */
const SUM = 0;
const SQUARES = 16;
const MIN = 32;
const MAX = 48;
const ZEROS = 64;
const NANS = 80;
const HISTOGRAMS = 96;
const HISTOGRAM_BYTES = 4096;

export function resetMeasures(to: usize): void {
  memory.fill(to, 0, HISTOGRAMS + 4 * HISTOGRAM_BYTES);
  v128.store(to + MIN, f32x4.splat(Infinity));
  v128.store(to + MAX, f32x4.splat(-Infinity));
}

function count(bin: u32, histogram: usize): void {
  const p = histogram + bin;
  store<u32>(p, load<u32>(p) + 1);
}

/** Adds `values` values at `p`. */
export function measure(p: usize, values: i32, to: usize): void {
  const whole = values & ~3;
  measureFours(p, whole, to);
  for (let i = whole; i < values; i++) measureOne(load<f32>(p + 4 * i), to);
}

function measureOne(x: f32, to: usize): void {
  const bits = reinterpret<u32>(x);
  count((bits >> 20) & 0xffc, to + HISTOGRAMS);
  if (x == 0) store<i32>(to + ZEROS, load<i32>(to + ZEROS) + 1);
  if (x != x) store<i32>(to + NANS, load<i32>(to + NANS) + 1);
  if ((bits & 0x7fffffff) >= 0x7f800000) return;
  const wide = x as f64;
  store<f64>(to + SUM, load<f64>(to + SUM) + wide);
  store<f64>(to + SQUARES, load<f64>(to + SQUARES) + wide * wide);
  if (x < load<f32>(to + MIN)) store<f32>(to + MIN, x);
  if (x > load<f32>(to + MAX)) store<f32>(to + MAX, x);
}

/** `values` is a multiple of 4. */
function measureFours(p: usize, values: i32, to: usize): void {
  const magnitude = i32x4.splat(0x7fffffff);
  const infinity = i32x4.splat(0x7f800000);
  const most = f32x4.splat(Infinity);
  const least = f32x4.splat(-Infinity);
  const h0 = to + HISTOGRAMS;
  const h1 = h0 + HISTOGRAM_BYTES;
  const h2 = h1 + HISTOGRAM_BYTES;
  const h3 = h2 + HISTOGRAM_BYTES;
  let sum = v128.load(to + SUM);
  let squares = v128.load(to + SQUARES);
  let min = v128.load(to + MIN);
  let max = v128.load(to + MAX);
  let zeros = v128.load(to + ZEROS);
  let nans = v128.load(to + NANS);
  for (const end = p + 4 * values; p < end; p += 16) {
    const x = v128.load(p);
    const finite = i32x4.lt_s(v128.and(x, magnitude), infinity);
    min = f32x4.pmin(min, v128.bitselect(x, most, finite));
    max = f32x4.pmax(max, v128.bitselect(x, least, finite));
    zeros = i32x4.sub(zeros, f32x4.eq(x, f32x4.splat(0)));
    nans = i32x4.sub(nans, f32x4.ne(x, x));
    const kept = v128.and(x, finite);
    const low = f64x2.promote_low_f32x4(kept);
    const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(kept, kept, 2, 3, 2, 3));
    sum = f64x2.add(sum, f64x2.add(low, high));
    squares = f64x2.add(squares, f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high)));
    count((load<u16>(p, 2) >> 4) & 0xffc, h0);
    count((load<u16>(p, 6) >> 4) & 0xffc, h1);
    count((load<u16>(p, 10) >> 4) & 0xffc, h2);
    count((load<u16>(p, 14) >> 4) & 0xffc, h3);
  }
  v128.store(to + SUM, sum);
  v128.store(to + SQUARES, squares);
  v128.store(to + MIN, min);
  v128.store(to + MAX, max);
  v128.store(to + ZEROS, zeros);
  v128.store(to + NANS, nans);
}
