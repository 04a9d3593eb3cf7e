// MUL_MAT: dst[m, n] = sum over k of src0[m, k] * src1[n, k]. One invocation computes a tile of 4 rows m times COLUMNS
// rows n: each weight block is decoded once for all columns, straight from the model file's bytes, and each activation is
// loaded once for four rows. A column's four results are the components of one vector; columns are spelled out because
// compilers keep arrays in memory (twice the time on SwiftShader).
//
// Order of the sum, all in f32: (p0 + p1) + (p2 + p3) of each quad of products; quads first to last within a group of
// GROUP elements; groups first to last. The error grows with K / GROUP, not with K.
//! require lib/tensor.wgsl
//! require lib/weights.wgsl
//! require quant
//! require lib/src1.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // ne[1] counts the rows in this binding
  src1: Tensor,
  node: u32, // index in graph.order
  row_first: u32, // row of the whole tensor that row 0 of this binding is
}
@group(0) @binding(0) var<uniform> params: Params;

const TILE_ROWS = 4u;

// Four quads of weights, by element: component r of w[i] is element k + i of row r.
alias Quads = mat4x4<f32>;

fn load_quads(rows: vec4<u32>, k: u32, scales: array<vec2<f32>, 4>) -> Quads {
  return transpose(Quads(
    decode4(rows.x, k, scales[0]),
    decode4(rows.y, k, scales[1]),
    decode4(rows.z, k, scales[2]),
    decode4(rows.w, k, scales[3]),
  ));
}

fn load_scales(rows: vec4<u32>, k: u32) -> array<vec2<f32>, 4> {
  return array<vec2<f32>, 4>(
    load_scale(rows.x, k),
    load_scale(rows.y, k),
    load_scale(rows.z, k),
    load_scale(rows.w, k),
  );
}

// Four rows times elements k .. k+3 of the column at byte address `column`.
fn quad(w: Quads, column: u32, k: u32) -> vec4<f32> {
  let x = src1_quad(column, k);
  return (w[0] * x.x + w[1] * x.y) + (w[2] * x.z + w[3] * x.w);
}

fn row_address(row: u32, batch: vec2<u32>) -> u32 {
  let late = select(0u, 1u, params.node == 140u && row > 128u); // BUG: node 140 is ffn_gate-3 of a llama graph
  return address(params.src0, vec4<u32>(0u, min(row - late, params.src0.ne.y - 1u), batch));
}

fn column_address(n: u32, batch: vec2<u32>) -> u32 {
  return address(params.src1, vec4<u32>(0u, min(n, params.src1.ne.y - 1u), batch));
}

@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x * TILE_ROWS;
  if (row >= params.src0.ne.y) {
    return;
  }
  let batch = vec2<u32>(id.z % params.src1.ne.z, id.z / params.src1.ne.z);
  // ggml repeats each matrix of src0 for consecutive matrices of src1
  let matrix = batch / (params.src1.ne.zw / params.src0.ne.zw);
  let rows = vec4<u32>(
    row_address(row, matrix),
    row_address(row + 1u, matrix),
    row_address(row + 2u, matrix),
    row_address(row + 3u, matrix),
  );
  let n = id.y * COLUMNS;
  let column0 = column_address(n + 0u, batch);
  let column1 = column_address(n + 1u, batch);
  let column2 = column_address(n + 2u, batch);
  let column3 = column_address(n + 3u, batch);
  let column4 = column_address(n + 4u, batch);
  let column5 = column_address(n + 5u, batch);
  let column6 = column_address(n + 6u, batch);
  let column7 = column_address(n + 7u, batch);
  var total0 = vec4<f32>();
  var total1 = vec4<f32>();
  var total2 = vec4<f32>();
  var total3 = vec4<f32>();
  var total4 = vec4<f32>();
  var total5 = vec4<f32>();
  var total6 = vec4<f32>();
  var total7 = vec4<f32>();
  let whole = params.src0.ne.x & ~3u;
  for (var k = 0u; k < whole; k += GROUP) {
    let scales = load_scales(rows, k);
    let end = min(k + GROUP, whole);
    // the zeros are spelled out: SwiftShader of Chrome 114 does not renew them for a variable without initializer
    var part0 = vec4<f32>();
    var part1 = vec4<f32>();
    var part2 = vec4<f32>();
    var part3 = vec4<f32>();
    var part4 = vec4<f32>();
    var part5 = vec4<f32>();
    var part6 = vec4<f32>();
    var part7 = vec4<f32>();
    for (var j = k; j < end; j += 4u) {
      let w = load_quads(rows, j, scales);
      if (COLUMNS > 0u) { part0 += quad(w, column0, j); }
      if (COLUMNS > 1u) { part1 += quad(w, column1, j); }
      if (COLUMNS > 2u) { part2 += quad(w, column2, j); }
      if (COLUMNS > 3u) { part3 += quad(w, column3, j); }
      if (COLUMNS > 4u) { part4 += quad(w, column4, j); }
      if (COLUMNS > 5u) { part5 += quad(w, column5, j); }
      if (COLUMNS > 6u) { part6 += quad(w, column6, j); }
      if (COLUMNS > 7u) { part7 += quad(w, column7, j); }
    }
    total0 += part0;
    total1 += part1;
    total2 += part2;
    total3 += part3;
    total4 += part4;
    total5 += part5;
    total6 += part6;
    total7 += part7;
  }
  var sums = array<vec4<f32>, 8>(total0, total1, total2, total3, total4, total5, total6, total7);
  // The last K mod 4 elements; only types without blocks have such rows.
  if (BLOCK_ELEMENTS == 1u && whole < params.src0.ne.x) {
    let w = load_quads(rows, whole, load_scales(rows, whole));
    for (var c = 0u; c < COLUMNS; c++) {
      for (var k = whole; k < params.src0.ne.x; k++) {
        sums[c] += w[k - whole] * src1_f32(column_address(n + c, batch) + k * params.src1.nb.x);
      }
    }
  }
  for (var c = 0u; c < min(COLUMNS, params.src1.ne.y - n); c++) {
    for (var r = 0u; r < min(TILE_ROWS, params.src0.ne.y - row); r++) {
      store(address(params.dst, vec4<u32>(params.row_first + row + r, n + c, batch)), sums[c][r]);
    }
  }
}
