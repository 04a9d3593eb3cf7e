// FLASH_ATTN_EXT: dst = softmax(q k^T * scale + slope[head] * mask) v per row of q. One workgroup per row goes over the
// keys in tiles of 64, one key per invocation for the logits, and keeps the greatest logit so far: sums are relative to
// it and shrink when it grows.
//
// Orders of sums, all in f32. q.k: as mat-mul's, a vector of four sums over the quads of a group, then over groups.
// Powers: within a tile, then over tiles. v: within a tile and a part of its keys in order, then over
// tiles, then over parts; the fewer channels, the more parts.
//! require lib/per-row.wgsl
//! require lib/src0.wgsl
//! require lib/weights.wgsl for src1
//! require quant for src1
//! require lib/weights.wgsl for src2
//! require quant for src2
//! require lib/src3.wgsl
//! require lib/src4.wgsl
//! require lib/dst-f32.wgsl
//! require lib/tanh.wgsl
//! require lib/logits.wgsl
struct Params {
  dst: Tensor, // channels of v, heads, tokens, batch
  src0: Tensor, // q: channels, tokens, heads, batch
  src1: Tensor, // k: channels, keys, heads or fewer, batch
  src2: Tensor, // v: channels, keys, heads or fewer, batch
  src3: Tensor, // mask: keys, tokens; repeated over dimensions 2 and 3. Without one any tensor
  src4: Tensor, // a sink per head. Without them any tensor
  node: u32, // index in graph.order
  scale: f32, // divided by softcap where there is one
  softcap: f32, // 0: none
  has_mask: u32, // 1 or 0: a variant more would have to be compiled
  has_sinks: u32, // 1 or 0
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> aux: array<f32>; // slope per head: ALiBi, or 1

// No larger than needed: SwiftShader's compiler spends time on each element.
var<workgroup> query: array<vec4<f32>, QUERY_QUADS>;
var<workgroup> logits: array<f32, WORKGROUP>; // of the tile's keys
var<workgroup> powers: array<f32, WORKGROUP>; // of the tile's keys
var<workgroup> sums: array<vec4<f32>, SUM_QUADS>; // of v: by part, then by quad of channels

// Elements k .. k+3 of q's row, zeros past its end.
fn query_quad(at: vec3<u32>, k: u32) -> vec4<f32> {
  var quad = vec4<f32>(0.0);
  for (var i = 0u; i < min(4u, params.src0.ne.x - k); i++) {
    quad[i] = src0_f32(address(params.src0, vec4<u32>(k + i, at)));
  }
  return quad;
}

// q.k for the row of k at this byte address.
fn score(key: u32) -> f32 {
  let n = params.src1.ne.x;
  var total = vec4<f32>(0.0);
  for (var k = 0u; k < n; k += GROUP_src1) {
    let scale = load_scale_src1(key, k);
    var part = vec4<f32>(0.0);
    for (var i = k; i < min(k + GROUP_src1, n); i += 4u) {
      // what lies past the row's end may be no number
      let inside = vec4<u32>(i, i + 1u, i + 2u, i + 3u) < vec4<u32>(n);
      part += select(vec4<f32>(0.0), decode4_src1(key, i, scale), inside) * query[i / 4u];
    }
    total += part;
  }
  return (total.x + total.y) + (total.z + total.w);
}

fn logit_at(at: vec3<u32>, key: u32) -> f32 {
  let k = params.src1;
  let mask = params.src3;
  var bias = 0u;
  if (params.has_mask != 0u) {
    bias = src3_bits(address(mask, vec4<u32>(key, at.x, at.yz % mask.ne.zw)));
    if (logit_of(bias) == LOWEST) {
      return LOWEST;
    }
  }
  let repeats = params.src0.ne.zw / k.ne.zw;
  let raw = score(address(k, vec4<u32>(0u, key, at.yz / repeats)));
  var logit = scaled_logit(bitcast<u32>(raw), params.scale);
  if (params.softcap != 0.0 && abs(logit) <= LARGEST) {
    logit = params.softcap * tanh_f32(logit);
  }
  return masked_logit(logit, bias, aux[at.y]);
}

// The values of a tile's keys first, first + parts ... below `count`, times their powers.
fn values_of(quad: u32, at: vec3<u32>, tile: u32, count: u32, first: u32, parts: u32) -> vec4<f32> {
  let v = params.src2;
  let repeats = params.src0.ne.zw / v.ne.zw;
  let k = 4u * quad;
  var sum = vec4<f32>(0.0);
  for (var i = first; i < count; i += parts) {
    if (powers[i] != 0.0) { // the values of absent keys may be no numbers
      let row = address(v, vec4<u32>(0u, tile + i, at.yz / repeats));
      sum += powers[i] * decode4_src2(row, k, load_scale_src2(row, k / GROUP_src2 * GROUP_src2));
    }
  }
  return sum;
}

fn greatest_logit() -> f32 {
  var greatest = LOWEST;
  for (var i = 0u; i < WORKGROUP; i++) {
    greatest = max(greatest, logits[i]);
  }
  return greatest;
}

fn sum_of_powers() -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < WORKGROUP; i++) {
    sum += powers[i];
  }
  return sum;
}

fn row(at: vec3<u32>, lane: u32) {
  let keys = params.src1.ne.y;
  let quads = (params.dst.ne.x + 3u) / 4u;
  let parts = max(1u, WORKGROUP / quads);
  for (var quad = lane; 4u * quad < params.src0.ne.x; quad += WORKGROUP) {
    query[quad] = query_quad(at, 4u * quad);
  }
  for (var i = lane; i < parts * quads; i += WORKGROUP) {
    sums[i] = vec4<f32>(0.0);
  }
  // The sink is a key without values.
  var top = LOWEST;
  if (params.has_sinks != 0u) {
    top = logit_of(src4_bits(address(params.src4, vec4<u32>(at.y, 0u, 0u, 0u))));
  }
  var total = select(1.0, 0.0, top == LOWEST);
  workgroupBarrier();
  for (var tile = 0u; tile < keys; tile += WORKGROUP) {
    var logit = LOWEST;
    if (tile + lane < keys) {
      logit = logit_at(at, tile + lane);
    }
    logits[lane] = logit;
    workgroupBarrier();
    let next = max(top, greatest_logit());
    powers[lane] = power_of(logit, next);
    workgroupBarrier();
    let shrunk = power_of(top, next);
    total = total * shrunk + sum_of_powers();
    top = next;
    for (var i = lane; i < parts * quads; i += WORKGROUP) {
      let values = values_of(i % quads, at, tile, min(WORKGROUP, keys - tile), i / quads, parts);
      sums[i] = sums[i] * shrunk + values;
    }
  }
  workgroupBarrier();
  for (var quad = lane; quad < quads; quad += WORKGROUP) {
    var values = vec4<f32>(0.0);
    for (var part = 0u; part < parts; part++) {
      values += sums[part * quads + quad];
    }
    // all keys absent: 0 as in ggml
    let result = select(values / total, vec4<f32>(0.0), total == 0.0);
    for (var i = 0u; i < min(4u, params.dst.ne.x - 4u * quad); i++) {
      let to = address(params.dst, vec4<u32>(4u * quad + i, at.y, at.x, at.z));
      store_bits(to, select(bitcast<u32>(result[i]), NAN, top == HIGHEST));
    }
  }
}
