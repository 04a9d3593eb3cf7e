// NVFP4, 36 bytes, 64 elements in 4 groups: value = grid[code] d[g]; the grid is twice E2M1, d half of UE4M3
//
//   byte   0 .. 3 | 4 ............ 35
//          d[g]   | qs: per group 8 bytes, first 8 codes low, next 8 high
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 64u;
const BLOCK_BYTES = 36u;
const GROUP = 16u;

// Bits 6-3 are the exponent (bias 7), 2-0 the mantissa, bit 7 nothing; 0x7f is 0.
fn half_of_ue4m3(byte: u32) -> f32 {
  let exponent = (byte >> 3u) & 15u;
  let mantissa = byte & 7u;
  if (byte == 0x7fu) {
    return 0.0;
  }
  if (exponent == 0u) {
    return f32(mantissa) * 0x1p-10;
  }
  return f32(8u + mantissa) * bitcast<f32>((exponent + 116u) << 23u); // 2^(exponent - 11)
}

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(noted_d(half_of_ue4m3(weight_u8(row + (k / 64u) * BLOCK_BYTES + (k % 64u) / 16u))), 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let j = k % 16u;
  let qs = weight_word(row + (k / 64u) * BLOCK_BYTES + 4u + 8u * ((k % 64u) / 16u) + j % 8u);
  return codebook_values(bytes_of((qs >> (4u * (j / 8u))) & 0x0f0f0f0fu)) * scale.x;
}
