// F32: no blocks; the group is arbitrary. Rows of any length: what lies past the end is masked by the caller.
const BLOCK_ELEMENTS = 1u;
const BLOCK_BYTES = 4u;
const GROUP = 32u;

fn load_scale(row: u32, k: u32) -> vec2<f32> {
  return vec2<f32>(1.0, 0.0);
}

fn decode4(row: u32, k: u32, scale: vec2<f32>) -> vec4<f32> {
  let word = (row >> 2u) + k;
  return bitcast<vec4<f32>>(vec4<u32>(src0[word], src0[word + 1u], src0[word + 2u], src0[word + 3u]));
}
