// What codes stand for: int8 values, four to a word. The buffer is filled from the tables of the CPU's decoders
// (src/shared/gpu/codebooks.ts).
@group(0) @binding(5) var<storage, read> codebook: array<u32>;
