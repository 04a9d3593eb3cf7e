// I16: no blocks; the group is arbitrary. Rows of any length: what lies past the end is masked by the caller.
const BLOCK_ELEMENTS = 1u;
const BLOCK_BYTES = 2u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(1.0, 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let low = weight_u32(row + 2u * k);
  let high = weight_u32(row + 2u * k + 4u);
  return vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(low << 16u, low, high << 16u, high)) >> vec4<u32>(16u));
}
