// BF16, the upper half of an f32: no blocks; the group is arbitrary. What lies past a row's end is masked by the caller.
const BLOCK_ELEMENTS = 1u;
const BLOCK_BYTES = 2u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(1.0, 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let low = weight_u32(row + 2u * k);
  let high = weight_u32(row + 2u * k + 4u);
  return bitcast<vec4<f32>>(vec4<u32>(low << 16u, low & 0xffff0000u, high << 16u, high & 0xffff0000u));
}
