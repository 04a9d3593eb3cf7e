// A plain copy, the peer that the decode kernel's speed is measured against. One invocation moves 16 bytes.
//! require lib/per-invocation.wgsl
struct Params {
  quads: u32, // of words
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> src0: array<vec4<u32>>;

fn invoke(index: u32) {
  let quad = index;
  if (quad < params.quads) {
    dst[quad] = src0[quad];
  }
}
