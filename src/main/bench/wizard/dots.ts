/** Ways in which right engines add up products: orders and widths. */
import { toHalf } from './plants/wrong-decoders';

/** Adds up n products a[i] b[i] from the given places on. */
export type Dot = (a: Float32Array, from: number, b: Float32Array, at: number, n: number) => number;

const f = Math.fround;
const inTurn: Dot = (a, from, b, at, n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = f(sum + f((a[from + i] as number) * (b[at + i] as number)));
  return sum;
};

const pairwise: Dot = (a, from, b, at, n) => {
  if (n <= 8) return inTurn(a, from, b, at, n);
  const m = n >> 1;
  return f(pairwise(a, from, b, at, m) + pairwise(a, from + m, b, at + m, n - m));
};

/** Eight sums with fused products, as AVX2 has them, then a tree. */
const lanes: Dot = (a, from, b, at, n) => {
  const sums = new Float32Array(8);
  for (let i = 0; i < n; i++) sums[i % 8] = (sums[i % 8] as number) + (a[from + i] as number) * (b[at + i] as number);
  const sum = (i: number, j: number): number => f((sums[i] as number) + (sums[j] as number));
  return f(f(sum(0, 4) + sum(2, 6)) + f(sum(1, 5) + sum(3, 7)));
};

/** Chunks of 32 in f16, f32 across them. */
const halfChunks: Dot = (a, from, b, at, n) => {
  let sum = 0;
  for (let i = 0; i < n; i += 32) {
    let chunk = 0;
    for (let j = i; j < Math.min(n, i + 32); j++) {
      chunk = toHalf(chunk + toHalf(toHalf(a[from + j] as number) * toHalf(b[at + j] as number)));
    }
    sum = f(sum + chunk);
  }
  return sum;
};

/** One accumulator in f16, products rounded, too. */
const halfThroughout: Dot = (a, from, b, at, n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = toHalf(sum + toHalf(toHalf(a[from + i] as number) * toHalf(b[at + i] as number)));
  return sum;
};

/** Tiles of 64 side by side, each in f32, added up from the last to the first. */
const tiles: Dot = (a, from, b, at, n) => {
  let sum = 0;
  for (let end = n; end > 0; end -= 64) {
    const begin = Math.max(0, end - 64);
    sum = f(sum + inTurn(a, from + begin, b, at + begin, end - begin));
  }
  return sum;
};

/** K ascending in f64: as good as exact. */
export const inDoubles: Dot = (a, from, b, at, n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += (a[from + i] as number) * (b[at + i] as number);
  return sum;
};

export const DOTS = {
  'in turn': inTurn,
  pairwise,
  '8 lanes': lanes,
  'tiles of 64': tiles,
  'f16 chunks': halfChunks,
  'f16 throughout': halfThroughout,
} as const satisfies Readonly<Record<string, Dot>>;
