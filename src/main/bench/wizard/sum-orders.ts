/** Mat-muls of right engines that add their products in other orders and widths; decoded weights, f32 activations. */
import { defined } from '../../../shared/base/assert';
import type { GraphTensor } from '../../../shared/graph/graph';
import { memoryOwner, tensorOf } from '../../../shared/graph/graph';
import { decodeAll, rightDecoder, weightBytes } from './plants/multiply';
import { toHalf } from './plants/wrong-decoders';
import type { Mutation, Turn } from './plant';

/** Adds up n products a[i] b[i] from the given places on. */
type Dot = (a: Float32Array, from: number, b: Float32Array, at: number, n: number) => number;

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
  const [s0, s1, s2, s3, s4, s5, s6, s7] = sums as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return f(f(f(s0 + s4) + f(s2 + s6)) + f(f(s1 + s5) + f(s3 + s7)));
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

/** dst[.., n][m] = dot(a row m, b row n); each matrix of A is for consecutive ones of B. */
function multiplied(dot: Dot): Mutation {
  return (turn) => {
    const [a, b] = [shapeOf(turn, 0), shapeOf(turn, 1)];
    const isWeight = memoryOwner(turn.graph, a).role === 'weight';
    const whole = isWeight ? weightBytes(turn) : undefined;
    const x = whole ? decodeAll(whole, rightDecoder(whole.tensor.type)) : turn.source(0);
    const y = turn.source(1);
    const [k, m, planes] = a.ne;
    const [, columns, batches] = b.ne;
    const out = new Float32Array(m * columns * batches);
    for (let row = 0; row < columns * batches; row++) {
      const plane = Math.floor(Math.floor(row / columns) / (batches / planes)) * m * k;
      for (let r = 0; r < m; r++) out[row * m + r] = dot(x, plane + r * k, y, row * k, k);
    }
    return out;
  };
}

function shapeOf({ graph, tensor }: Turn, index: number): GraphTensor {
  return tensorOf(graph, defined(tensor.src[index], 'a source'));
}

export const SUM_ORDERS = {
  'in turn': multiplied(inTurn),
  pairwise: multiplied(pairwise),
  '8 lanes': multiplied(lanes),
  'f16 chunks': multiplied(halfChunks),
} as const;
