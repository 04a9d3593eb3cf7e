// A sum in two levels: sixteen terms make a part, the parts make the total. Rounding grows with 16 + n/16 additions
// instead of n.
struct Sum {
  total: f32,
  part: f32,
}

// The sum with term number `index` added; terms come in order, from 0.
fn with_term(sum: Sum, index: u32, term: f32) -> Sum {
  let full = (index & 15u) == 0u;
  return Sum(sum.total + select(0.0, sum.part, full), select(sum.part, 0.0, full) + term);
}

fn value_of(sum: Sum) -> f32 {
  return sum.total + sum.part;
}
