// MXFP4, 17 bytes, 32 elements: value = grid[code] d, d = 2^(e - 128); the grid is twice E2M1
//
//   byte   0 | 1 ............ 16
//          e | qs[j] = code[j] | code[j + 16] << 4
//
// 2^-128 and 2^-127 are subnormal: for small e the scale is d 2^64, and the product is brought down by 2^-64.
//! require lib/codebook.wgsl
const BLOCK_ELEMENTS = 32u;
const BLOCK_BYTES = 17u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  let e = weight_u8(row + (k / 32u) * BLOCK_BYTES);
  noted_d(bitcast<f32>(select((e - 1u) << 23u, 0x200000u << e, e < 2u)));
  if (e < 64u) {
    return vec2<f32>(bitcast<f32>((e + 63u) << 23u), 0x1p-64);
  }
  return vec2<f32>(bitcast<f32>((e - 1u) << 23u), 1.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let j = k % 32u;
  let qs = weight_u32(row + (k / 32u) * BLOCK_BYTES + 1u + j % 16u);
  return codebook_values(bytes_of((qs >> (4u * (j / 16u))) & 0x0f0f0f0fu)) * scale.x * scale.y;
}
