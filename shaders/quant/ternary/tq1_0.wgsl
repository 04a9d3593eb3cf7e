// TQ1_0, 54 bytes, 256 elements: value = (trit - 1) d, five trits per byte
//
//   byte   0 ...... 31               | 32 ........ 47                 | 48 ........ 51                | 52 53
//          trit n = element 32 n + m | trit n = element 160 + 16n + m | trit n = element 240 + 4n + m | d
//
// A byte is a fraction of 256 in base 3: times 3^n modulo 256 drops the first n trits, three times the rest over 256 is
// the next one.
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 54u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(noted_d(weight_f16(row + (k / 256u) * BLOCK_BYTES + 52u)), 0.0);
}

// Offset in the block of element e's byte, and which of its trits.
fn trit_place(e: u32) -> vec2<u32> {
  if (e < 160u) {
    return vec2<u32>(e % 32u, e / 32u);
  }
  if (e < 240u) {
    return vec2<u32>(32u + e % 16u, (e - 160u) / 16u);
  }
  return vec2<u32>(48u, (e - 240u) / 4u);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let place = trit_place(k % 256u);
  let bytes = bytes_of(weight_u32(row + (k / 256u) * BLOCK_BYTES + place.x));
  let power = select(vec4<u32>(1u, 3u, 9u, 27u)[place.y & 3u], 81u, place.y == 4u);
  let trits = (((bytes * power) & vec4<u32>(0xffu)) * 3u) >> vec4<u32>(8u);
  return noted_codes(vec4<f32>(trits) - 1.0) * scale.x;
}
