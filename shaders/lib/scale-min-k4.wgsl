// Eight 6-bit scales and eight 6-bit mins in the 12 bytes `s` of Q4_K and Q5_K (ggml: get_scale_min_k4):
//
//            bits 7-6            bits 5-0 (0-3: whole, 8-11: nibbles)
//   s[0-3]   scale[4-7] bits 5-4   scale[0-3]
//   s[4-7]   min[4-7] bits 5-4     min[0-3]
//   s[8-11]  min[4-7] bits 3-0 in bits 7-4, scale[4-7] bits 3-0 in bits 3-0
fn scale_min_k4(s: u32, j: u32) -> vec2<f32> {
  if (j < 4u) {
    return vec2<f32>(f32(weight_u8(s + j) & 63u), f32(weight_u8(s + j + 4u) & 63u));
  }
  let low = weight_u8(s + j + 4u);
  let scale = (low & 15u) | ((weight_u8(s + j - 4u) >> 6u) << 4u);
  let min = (low >> 4u) | ((weight_u8(s + j) >> 6u) << 4u);
  return vec2<f32>(f32(scale), f32(min));
}
