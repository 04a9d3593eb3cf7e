// MUL_MAT: dst[m, n] = sum over k of src0[m, k] * src1[n, k]. Width and order of the sum: lib/mat-mul-tile.wgsl.
//! require lib/mat-mul-tile.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // ne[1] counts the rows in this binding
  src1: Tensor,
  node: u32, // index in graph.order
  row_first: u32, // row of the whole tensor that row 0 of this binding is
}
@group(0) @binding(0) var<uniform> params: Params;

// Rows and columns past the end are the last one once more; they are not stored.
fn row_address(row: u32, batch: vec2<u32>) -> u32 {
  return address(params.src0, vec4<u32>(0u, min(row, params.src0.ne.y - 1u), batch));
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
  let matrix = batch % params.src0.ne.zw;
  let rows = vec4<u32>(
    row_address(row, matrix),
    row_address(row + 1u, matrix),
    row_address(row + 2u, matrix),
    row_address(row + 3u, matrix),
  );
  let n = id.y * COLUMNS;
  let columns = array<u32, MOST_COLUMNS>(
    column_address(n, batch),
    column_address(n + 1u, batch),
    column_address(n + 2u, batch),
    column_address(n + 3u, batch),
    column_address(n + 4u, batch),
    column_address(n + 5u, batch),
    column_address(n + 6u, batch),
    column_address(n + 7u, batch),
  );
  var sums = multiply_tile(rows, columns);
  for (var c = 0u; c < min(COLUMNS, params.src1.ne.y - n); c++) {
    for (var r = 0u; r < min(TILE_ROWS, params.src0.ne.y - row); r++) {
      store(address(params.dst, vec4<u32>(params.row_first + row + r, n + c, batch)), sums[c][r]);
    }
  }
}
