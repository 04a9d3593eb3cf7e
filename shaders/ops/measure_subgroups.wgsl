enable subgroups;
// The size of the subgroups that this kernel runs in, for the adapter's fingerprint. Only for devices with the feature.
struct Params {
  count: u32, // 0: the invocation that tells
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dst: array<u32>;

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) local: u32, @builtin(subgroup_size) size: u32) {
  if (local == params.count) {
    dst[0] = size;
  }
}
