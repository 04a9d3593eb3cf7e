// The bits of an f32 as a key that grows with its value, or falls; NaNs come last, both zeros are one.
fn sort_key(bits: u32, descending: bool) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return 0xffffffffu;
  }
  let is_negative = bits > 0x80000000u;
  let ascending = select(0x80000000u + magnitude, 0x80000000u - magnitude, is_negative);
  return select(ascending, ~ascending, descending);
}
