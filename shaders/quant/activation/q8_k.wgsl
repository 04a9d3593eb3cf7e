// Q8_K, 292 bytes, 256 elements: value = code d, rounded once
//
//   byte   0 .. 3  | 4 ............ 259       | 260 ......... 291
//          d, f32  | qs[j] = code[j], signed  | sums of 16 codes, int16
//
// A subnormal d, which the device may flush, is taken as d 2^64 by its integer mantissa; the product, which may be a
// normal number, is brought down by 2^-64.
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 292u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let bits = weight_word(row + (k / 256u) * BLOCK_BYTES);
  let d = noted_d(bitcast<f32>(bits));
  if ((bits & 0x7f800000u) != 0u) {
    return vec2<f32>(d, 1.0);
  }
  let large = bitcast<u32>(f32(bits & 0x7fffffu) * 0x1p-85); // mantissa * 2^-149 * 2^64
  return vec2<f32>(bitcast<f32>((bits & 0x80000000u) | large), 0x1p-64);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let qs = weight_word(row + (k / 256u) * BLOCK_BYTES + 4u + k % 256u);
  return noted_codes(signed_bytes_of(qs)) * scale.x * scale.y;
}
