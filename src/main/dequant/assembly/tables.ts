/**
 * Where the codebooks lie. The module has no data of its own: its owner writes the tables once (../decode-memory.ts),
 * from the same source that the scalar references use. Addresses in bytes; the first 1024 stay unused, as the compiler
 * assumes.
 */

/** 128 × 8 bytes: the sign masks (0 or −1) of the seven stored signs and the eighth, which makes their number even. */
export const KSIGNS: usize = 1024;
/** 256 × 8 bytes. */
export const IQ2XXS_GRID: usize = KSIGNS + 128 * 8;
/** 512 × 8 bytes. */
export const IQ2XS_GRID: usize = IQ2XXS_GRID + 256 * 8;
/** 1024 × 8 bytes. */
export const IQ2S_GRID: usize = IQ2XS_GRID + 512 * 8;
/** 256 × 4 bytes. */
export const IQ3XXS_GRID: usize = IQ2S_GRID + 1024 * 8;
/** 512 × 4 bytes. */
export const IQ3S_GRID: usize = IQ3XXS_GRID + 256 * 4;
/** 2048 × 8 bytes, eight times the grid's values −1, 0, 1: the format's delta of ±1/8 is then ±1. */
export const IQ1S_GRID_TIMES_8: usize = IQ3S_GRID + 512 * 4;
/** First byte after the tables. */
export const TABLES_END: usize = IQ1S_GRID_TIMES_8 + 2048 * 8;
