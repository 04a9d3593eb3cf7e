// Codes and what they stand for.
//! require lib/weights.wgsl
//! require lib/codebook-table.wgsl

// Values 4 i .. 4 i + 3 of the codebook.
fn codebook4(i: u32) -> vec4<f32> {
  let values = signed_bytes_of(codebook[i]);
  note4(NOTE_GRID, values);
  return values;
}

// The values of four codes below 16.
fn codebook_values(codes: vec4<u32>) -> vec4<f32> {
  note4(NOTE_CODE, vec4<f32>(codes));
  let words = vec4<u32>(codebook[codes.x >> 2u], codebook[codes.y >> 2u], codebook[codes.z >> 2u], codebook[codes.w >> 2u]);
  let values = vec4<f32>(bitcast<vec4<i32>>(words << (vec4<u32>(24u) - 8u * (codes & vec4<u32>(3u)))) >> vec4<u32>(24u));
  note4(NOTE_GRID, values);
  return values;
}

// The signs of elements k .. k+3, bits k % 8 .. of the sign byte of eight elements: 1, or -1 where the bit is set.
fn signs4(byte: u32, k: u32) -> vec4<f32> {
  let bits = (vec4<u32>(byte >> (k & 4u)) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u);
  let signs = 1.0 - 2.0 * vec4<f32>(bits);
  note4(NOTE_SIGN, signs);
  return signs;
}

// Seven stored signs as a byte: the eighth makes the number of set bits even.
fn even_signs(bits: u32) -> u32 {
  return bits | ((countOneBits(bits) & 1u) << 7u);
}
