/** Tile and workgroup sizes of kernels: multiples of 16, then powers of two. */
export const TILES = [...Array.from({ length: 16 }, (_, i) => 16 * (i + 1)), 512, 1024, 2048, 4096];
export const SMALL_TILES = [2, 4, 8, ...TILES];
/** Where a loop or a buffer may end. */
export const CAPS = [256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];
