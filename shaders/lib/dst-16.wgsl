// Destination of 16-bit elements. Two of them share a word and may belong to two invocations, so each half is replaced by
// atomics: the two orders give the same word.
@group(0) @binding(1) var<storage, read_write> dst: array<atomic<u32>>;

fn store_half(byte: u32, half: u32) {
  let shift = (byte & 2u) * 8u;
  atomicAnd(&dst[byte >> 2u], ~(0xffffu << shift));
  atomicOr(&dst[byte >> 2u], half << shift);
}
