// Elements moved from source 0 to dst as bits; floats are converted to dst's type. WORDS per element: 2 for I64.
//! require lib/src0.wgsl
//! require dst
fn move_element(to: u32, origin: u32) {
  for (var word = 0u; word < WORDS; word++) {
    store_bits(to + 4u * word, src0_bits(origin + 4u * word));
  }
}

fn clear_element(to: u32) {
  for (var word = 0u; word < WORDS; word++) {
    store_bits(to + 4u * word, 0u);
  }
}
