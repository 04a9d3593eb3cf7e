// The work of one invocation of a mat-mul: a tile of TILE_ROWS rows of source 0 times COLUMNS rows of source 1 (columns
// of the result). Each weight block is decoded once for all columns, straight from the model file's bytes, and each
// activation is loaded once for four rows. A column's four results are the components of one vector; columns are spelled
// out because compilers keep arrays in memory (twice the time on SwiftShader).
//
// Order of the sum, all in f32: (p0 + p1) + (p2 + p3) of each quad of products; quads first to last within a group of
// GROUP elements; groups first to last. The error grows with K / GROUP, not with K. The last K mod 4 products come one by
// one. Nothing depends on which other rows and columns are in the tile.
//! require lib/tensor.wgsl
//! require lib/weights.wgsl
//! require quant
//! require lib/src1.wgsl
const TILE_ROWS = 4u;
const MOST_COLUMNS = 8u;

// Four quads of weights, by element: component r of w[i] is element k + i of row r.
alias Quads = mat4x4<f32>;
// By column: component r belongs to row r.
alias Tile = array<vec4<f32>, MOST_COLUMNS>;

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

// Activations k .. k+3 of the column at byte address `column`.
fn load_activations(column: u32, k: u32) -> vec4<f32> {
  if (SRC1_DENSE) {
    return src1_quad(column, k);
  }
  let step = params.src1.nb.x;
  let at = column + k * step;
  return vec4<f32>(src1_f32(at), src1_f32(at + step), src1_f32(at + 2u * step), src1_f32(at + 3u * step));
}

// Four rows times elements k .. k+3 of a column.
fn quad(w: Quads, column: u32, k: u32) -> vec4<f32> {
  let x = load_activations(column, k);
  return (w[0] * x.x + w[1] * x.y) + (w[2] * x.z + w[3] * x.w);
}

// Byte addresses of the rows and of the columns; only the first COLUMNS of those count.
fn multiply_tile(rows: vec4<u32>, columns: array<u32, MOST_COLUMNS>) -> Tile {
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
      if (COLUMNS > 0u) { part0 += quad(w, columns[0], j); }
      if (COLUMNS > 1u) { part1 += quad(w, columns[1], j); }
      if (COLUMNS > 2u) { part2 += quad(w, columns[2], j); }
      if (COLUMNS > 3u) { part3 += quad(w, columns[3], j); }
      if (COLUMNS > 4u) { part4 += quad(w, columns[4], j); }
      if (COLUMNS > 5u) { part5 += quad(w, columns[5], j); }
      if (COLUMNS > 6u) { part6 += quad(w, columns[6], j); }
      if (COLUMNS > 7u) { part7 += quad(w, columns[7], j); }
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
  var sums = Tile(total0, total1, total2, total3, total4, total5, total6, total7);
  // Only types without blocks have rows that end within a quad.
  if (BLOCK_ELEMENTS == 1u && whole < params.src0.ne.x) {
    let w = load_quads(rows, whole, load_scales(rows, whole));
    var addresses = columns;
    for (var c = 0u; c < COLUMNS; c++) {
      for (var k = whole; k < params.src0.ne.x; k++) {
        sums[c] += w[k - whole] * src1_f32(addresses[c] + k * params.src1.nb.x);
      }
    }
  }
  return sums;
}
