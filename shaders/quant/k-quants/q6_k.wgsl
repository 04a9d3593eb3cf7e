// Q6_K, 210 bytes, 256 elements in 16 groups: value = (code - 32) (d scale[g])
//
//   byte   0 ...... 127       | 128 ..... 191      | 192 .... 207      | 208 209
//          ql: low 4 bits     | qh: high 2 bits    | scales, signed    | d
//
// Per half (128 elements): 64 bytes ql, 32 bytes qh. Element q*32 + l of a half has its low bits in
// ql[32 (q & 1) + l] >> 4 (q / 2) and its high bits in qh[l] >> 2q.
const BLOCK_ELEMENTS = 256u;
const BLOCK_BYTES = 210u;
const GROUP = 16u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let scale = bitcast<i32>(weight_u8(block + 192u + (k % 256u) / 16u) << 24u) >> 24u;
  return vec2<f32>(scaled(weight_f16(block + 208u), f32(scale)), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let block = row + (k / 256u) * BLOCK_BYTES;
  let half = (k % 256u) / 128u;
  let quarter = (k % 128u) / 32u;
  let ql = weight_u32(block + 64u * half + 32u * (quarter & 1u) + k % 32u);
  let qh = weight_u32(block + 128u + 32u * half + k % 32u);
  let low = (ql >> (4u * (quarter / 2u))) & 0x0f0f0f0fu;
  let high = ((qh >> (2u * quarter)) & 0x03030303u) << 4u;
  return noted_codes(vec4<f32>(bytes_of(low | high)) - 32.0) * scale.x;
}
