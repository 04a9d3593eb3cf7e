// MUL_MAT_ID: dst[m, j, t] = sum over k of src0[m, k] of expert ids[j, t] * src1[j mod src1.ne.y, t][k]. A pair (j, t) is a
// column with a matrix of its own. Pairs of one expert share tiles: the first of every COLUMNS of them, in their order,
// takes the following ones along. Width and order of the sum: lib/mat-mul-tile.wgsl.
//! require lib/mat-mul-tile.wgsl
//! require lib/src2.wgsl
//! require lib/dst-f32.wgsl
struct Params {
  dst: Tensor,
  src0: Tensor, // ne[1] and ne[2] count the rows in this binding
  src1: Tensor,
  src2: Tensor, // expert numbers, I32
  node: u32, // index in graph.order
  row_first: u32, // of the rows of all experts, one after another: the one that row 0 of this binding is
  expert_rows: u32, // rows per expert
  expert_bytes: u32, // from one expert to the next
}
@group(0) @binding(0) var<uniform> params: Params;

fn expert_of(pair: u32) -> u32 {
  return src2_bits(address(params.src2, vec4<u32>(pair % params.src2.ne.x, pair / params.src2.ne.x, 0u, 0u)));
}

fn column_address(pair: u32) -> u32 {
  let slot = pair % params.src2.ne.x;
  return address(params.src1, vec4<u32>(0u, slot % params.src1.ne.y, pair / params.src2.ne.x, 0u));
}

// Rows of another binding, or of an expert that does not exist, wrap around to large numbers.
fn is_here(row: u32, expert: u32) -> bool {
  let index = expert * params.expert_rows + row - params.row_first;
  return row < params.expert_rows && index < params.src0.ne.y * params.src0.ne.z;
}

// Byte address of a row, of row 0 of the binding for one that is not here.
fn row_address(row: u32, expert: u32) -> u32 {
  let bytes = expert * params.expert_bytes + (row - params.row_first) * params.src0.nb.y;
  return params.src0.offset + select(0u, bytes, is_here(row, expert));
}

@compute @workgroup_size(32)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(global_invocation_id) id: vec3<u32>,
) {
  let row = id.x * TILE_ROWS;
  let first = workgroup.z * workgroups.y + workgroup.y;
  let all = params.src2.ne.x * params.src2.ne.y;
  if (first >= all) {
    return;
  }
  let expert = expert_of(first);
  let here = vec4<bool>(
    is_here(row, expert),
    is_here(row + 1u, expert),
    is_here(row + 2u, expert),
    is_here(row + 3u, expert),
  );
  if (!any(here)) {
    return;
  }
  var pairs = array<u32, MOST_COLUMNS>(first, first, first, first, first, first, first, first);
  var count = 1u;
  if (COLUMNS > 1u) {
    var before = 0u;
    for (var pair = 0u; pair < first; pair++) {
      before += select(0u, 1u, expert_of(pair) == expert);
    }
    if (before % COLUMNS != 0u) {
      return;
    }
    for (var pair = first + 1u; pair < all && count < COLUMNS; pair++) {
      if (expert_of(pair) == expert) {
        pairs[count] = pair;
        count++;
      }
    }
  }
  let rows = vec4<u32>(
    row_address(row, expert),
    row_address(row + 1u, expert),
    row_address(row + 2u, expert),
    row_address(row + 3u, expert),
  );
  let columns = array<u32, MOST_COLUMNS>(
    column_address(pairs[0]),
    column_address(pairs[1]),
    column_address(pairs[2]),
    column_address(pairs[3]),
    column_address(pairs[4]),
    column_address(pairs[5]),
    column_address(pairs[6]),
    column_address(pairs[7]),
  );
  var sums = multiply_tile(rows, columns);
  for (var c = 0u; c < count; c++) {
    let at = vec2<u32>(pairs[c] % params.src2.ne.x, pairs[c] / params.src2.ne.x);
    for (var r = 0u; r < TILE_ROWS; r++) {
      if (here[r]) {
        store(address(params.dst, vec4<u32>(row + r, at, 0u)), sums[c][r]);
      }
    }
  }
}
