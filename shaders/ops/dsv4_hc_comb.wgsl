// DSV4_HC_COMB: a matrix per token whose rows and columns are brought to a sum of 1 by turns (Sinkhorn). One invocation
// per token.
//! require lib/tensor.wgsl
//! require lib/invocation.wgsl
//! require lib/src0.wgsl
//! require lib/src1.wgsl
//! require lib/src2.wgsl
//! require lib/dst-f32.wgsl
//! require lib/logits.wgsl
struct Params {
  dst: Tensor, // to, from, tokens
  src0: Tensor, // mixes: 24, tokens; the matrix is the last 16
  src1: Tensor, // scale: the matrix's is the third
  src2: Tensor, // base: 24
  node: u32, // index in graph.order
  epsilon: f32,
  iterations: u32,
}
@group(0) @binding(0) var<uniform> params: Params;

const MATRIX = 8u; // first element of the matrix

// A column per stream that is gone from; components are the streams that are gone to.
alias Matrix = mat4x4<f32>;

fn logits_of(token: u32, stream: u32) -> vec4<f32> {
  let scale = src1_f32(address(params.src1, vec4<u32>(2u, 0u, 0u, 0u)));
  var logits = vec4<f32>(0.0);
  for (var i = 0u; i < 4u; i++) {
    let index = MATRIX + 4u * stream + i;
    let base = src2_bits(address(params.src2, vec4<u32>(index, 0u, 0u, 0u)));
    logits[i] = masked_logit(scaled_logit(src0_bits(address(params.src0, vec4<u32>(index, token, 0u, 0u))), scale), base, 1.0);
  }
  return logits;
}

fn greatest(v: vec4<f32>) -> f32 {
  return max(max(v.x, v.y), max(v.z, v.w));
}

fn soft_max(v: vec4<f32>) -> vec4<f32> {
  let top = greatest(v);
  let e = vec4<f32>(power_of(v.x, top), power_of(v.y, top), power_of(v.z, top), power_of(v.w, top));
  return e / (((e.x + e.y) + e.z) + e.w) + params.epsilon;
}

fn by_columns(m: Matrix) -> Matrix {
  let sums = ((params.epsilon + m[0] + m[1]) + m[2]) + m[3];
  return Matrix(m[0] / sums, m[1] / sums, m[2] / sums, m[3] / sums);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let token = invocation_index(workgroup, workgroups, local);
  if (token >= params.dst.ne.z) {
    return;
  }
  let logits = Matrix(logits_of(token, 0u), logits_of(token, 1u), logits_of(token, 2u), logits_of(token, 3u));
  let tops = vec4<f32>(greatest(logits[0]), greatest(logits[1]), greatest(logits[2]), greatest(logits[3]));
  let is_defined = all(abs(tops) <= vec4<f32>(LARGEST));
  var m = by_columns(Matrix(soft_max(logits[0]), soft_max(logits[1]), soft_max(logits[2]), soft_max(logits[3])));
  for (var i = 1u; i < params.iterations; i++) {
    m = by_columns(transpose(by_columns(transpose(m))));
  }
  for (var i = 0u; i < 16u; i++) {
    let to = address(params.dst, vec4<u32>(i % 4u, i / 4u, token, 0u));
    store_bits(to, select(NAN, bitcast<u32>(m[i / 4u][i % 4u]), is_defined));
  }
}
