// Sums almost as good as f64's: what each addition rounds away is added up beside them (Knuth's two-sum). Infinities
// and NaNs are kept apart by their bits. A compiler that takes the compensation for zero leaves plain sums.
//! require lib/ieee.wgsl
//! require lib/invocation.wgsl
struct Total {
  sum: f32,
  lost: f32,
  special: u32, // which kinds were among the terms: HAS_…
}

const HAS_NAN = 1u;
const HAS_INFINITY = 2u;
const HAS_MINUS_INFINITY = 4u;

fn kind_of(special: u32) -> u32 {
  if (is_nan(special)) {
    return HAS_NAN;
  }
  return select(HAS_INFINITY, HAS_MINUS_INFINITY, special >= SIGN);
}

// x: no infinity, no NaN
fn plus(t: Total, x: f32) -> Total {
  let sum = t.sum + x;
  let taken = sum - t.sum;
  return Total(sum, t.lost + ((t.sum - (sum - taken)) + (x - taken)), t.special);
}

fn plus_bits(t: Total, bits: u32) -> Total {
  if (is_special(bits)) {
    return Total(t.sum, t.lost, t.special | kind_of(bits));
  }
  return plus(t, bitcast<f32>(bits));
}

fn plus_square(t: Total, bits: u32) -> Total {
  if (is_special(bits)) {
    return Total(t.sum, t.lost, t.special | kind_of(magnitude_of(bits)));
  }
  let x = bitcast<f32>(bits);
  return plus(t, x * x);
}

fn merged(a: Total, b: Total) -> Total {
  let t = plus(a, b.sum);
  return Total(t.sum, t.lost + b.lost, a.special | b.special);
}

fn bits_of(t: Total) -> u32 {
  if (t.special != 0u) {
    let is_undefined = (t.special & HAS_NAN) != 0u || t.special == (HAS_INFINITY | HAS_MINUS_INFINITY);
    return select(POSITIVE_INFINITY | select(0u, SIGN, t.special == HAS_MINUS_INFINITY), NAN, is_undefined);
  }
  // an infinite sum of finite terms: what it has lost is none of its
  let sum = bitcast<u32>(t.sum);
  return select(bitcast<u32>(t.sum + t.lost), sum, is_special(sum));
}

var<workgroup> totals: array<Total, WORKGROUP>;

// Over the workgroup: a tree of neighbours 32, 16 ... 1 apart.
fn total_of_lanes(t: Total, lane: u32) -> Total {
  totals[lane] = t;
  workgroupBarrier();
  for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
    if (lane < step) {
      totals[lane] = merged(totals[lane], totals[lane + step]);
    }
    workgroupBarrier();
  }
  let total = totals[0];
  workgroupBarrier();
  return total;
}
