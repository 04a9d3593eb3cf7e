/** Random weights of every type, and mat-muls with them: written out plainly, without the code under test. */
import { f32ToF16 } from '../../../../../src/shared/base/float-bits';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import type { WeightSource } from '../../../../../src/shared/gguf/model-source';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { tensorOf } from '../../../../../src/shared/graph/graph';
import type { GgmlTypeName } from '../../../../../src/shared/quant/ggml-type';
import { rowBytes, supportedFormat } from '../../../../../src/shared/quant/registry';
import { GraphBuilder, weightsOf } from '../../../ops/graph-builder';
import { siteOf } from '../../try-hypothesis';

/** A small seeded generator: 0 … 1. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Byte offsets of a block's f16 scales; IQ1_M's is scattered, and MXFP4 and NVFP4 have others. */
const HALVES: Partial<Record<GgmlTypeName, readonly number[]>> = {
  ...{ Q4_1: [0, 2], Q5_1: [0, 2], Q4_K: [0, 2], Q5_K: [0, 2], Q2_K: [80, 82], Q3_K: [108], Q6_K: [208] },
  ...{ TQ1_0: [52], TQ2_0: [64], IQ1_M: [], MXFP4: [], NVFP4: [], F32: [], F16: [], BF16: [] },
};

export interface RandomOptions {
  readonly seed?: number;
  /** Share of blocks whose scales are subnormal f16. */
  readonly subnormal?: number;
}

/** Blocks of random bytes with scales of ordinary size, both signs. */
export function randomBlocks(type: GgmlTypeName, blocks: number, options: RandomOptions = {}): Uint8Array {
  const { seed = 1, subnormal = 0 } = options;
  const next = random(seed);
  const { blockBytes } = supportedFormat(type);
  const bytes = Uint8Array.from({ length: blocks * blockBytes }, () => Math.floor(next() * 256));
  const view = new DataView(bytes.buffer);
  for (let b = 0, p = 0; b < blocks; b++, p += blockBytes) {
    const tiny = next() < subnormal;
    for (const at of HALVES[type] ?? [0]) {
      const scale = tiny ? (1 + Math.floor(next() * 1000)) * 2 ** -24 : 0.002 + 0.02 * next();
      view.setUint16(p + at, f32ToF16(next() < 0.2 ? -scale : scale), true);
    }
    if (type === 'MXFP4') bytes[p] = 115 + Math.floor(next() * 8);
    if (type === 'IQ1_M') bytes[p + 55] = (bytes[p + 55]! & 15) | 0x20;
    if (type === 'IQ1_M') bytes[p + 53] = bytes[p + 53]! & 15;
    if (type === 'NVFP4') for (let s = 0; s < 4; s++) bytes[p + s] = 20 + Math.floor(next() * 40);
    if (type === 'F32') view.setFloat32(p, next() - 0.5, true);
    if (type === 'F16') view.setUint16(p, f32ToF16(next() - 0.5), true);
    if (type === 'BF16')
      view.setUint16(p, (new Uint32Array(Float32Array.of(next() - 0.5).buffer)[0] as number) >>> 16, true);
  }
  return bytes;
}

export interface MatMul {
  readonly type: GgmlTypeName;
  /** Elements per row, rows, columns of activations. */
  readonly k: number;
  readonly rows: number;
  readonly tokens: number;
  readonly bytes: Uint8Array;
  readonly x: Float32Array;
}

export function matMul(type: GgmlTypeName, k: number, rows: number, tokens = 5, options: RandomOptions = {}): MatMul {
  const bytes = randomBlocks(type, (rows * k) / supportedFormat(type).blockElements, options);
  const next = random((options.seed ?? 1) + 77);
  // ragged: sizes differ between channels, and no mean is zero
  const x = Float32Array.from({ length: k * tokens }, (_, i) => (next() - 0.4) * (1 + (i % 7)));
  return { type, k, rows, tokens, bytes, x };
}

/** The right values of the weight. */
export function decoded({ type, k, rows, bytes }: MatMul): Float32Array {
  const out = new Float32Array(k * rows);
  const { dequantize, blockElements } = supportedFormat(type);
  dequantize(bytes, 0, out.length / blockElements, out, 0);
  return out;
}

/** The product with other values of the weight: what an engine gives that has decoded it so. */
export function productWith(m: MatMul, weight: ArrayLike<number>, x: Float32Array = m.x): Float32Array {
  const out = new Float32Array(m.rows * m.tokens);
  for (let t = 0; t < m.tokens; t++) {
    for (let r = 0; r < m.rows; r++) {
      let sum = 0;
      for (let i = 0; i < m.k; i++) sum += weight[r * m.k + i]! * x[t * m.k + i]!;
      out[t * m.rows + r] = sum;
    }
  }
  return out;
}

/** Values as they are, each changed by its place in its block of `size`. */
export function perBlock(
  m: MatMul,
  value: (block: Uint8Array, e: number, index: number, row: number) => number,
): Float32Array {
  const { blockElements, blockBytes } = supportedFormat(m.type);
  return Float32Array.from({ length: m.k * m.rows }, (_, i) => {
    const b = Math.floor(i / blockElements);
    const block = m.bytes.subarray(b * blockBytes, (b + 1) * blockBytes);
    return value(block, i % blockElements, b % (m.k / blockElements), Math.floor(i / m.k));
  });
}

export interface Others {
  readonly name?: string;
  readonly tensors?: Readonly<Record<string, { type: GgmlTypeName; ne: Dims; bytes: Uint8Array }>>;
}

/** The site of the mat-mul where `wrong` came out. */
export function matMulSite(m: MatMul, wrong: Float32Array | undefined, others: Others = {}): Site {
  const name = others.name ?? 'blk.1.attn_q.weight';
  const b = new GraphBuilder();
  const w = b.leaf('weight', name, [m.k, m.rows, 1, 1], m.type);
  const x = b.leaf('input', 'x', [m.k, m.tokens, 1, 1]);
  const id = b.node('Qcur-1', 'MUL_MAT', [m.rows, m.tokens, 1, 1], [w, x]);
  const graph = b.build();
  const weights: WeightSource = weightsOf({
    ...others.tensors,
    [name]: { type: m.type, ne: [m.k, m.rows, 1, 1], bytes: m.bytes },
  });
  const sources = [undefined, m.x];
  return siteOf({ graph, node: tensorOf(graph, id), sources, weights, ...(wrong ? { wrong } : {}) });
}

/** The site of a gather of rows, some twice. */
export function gatherSite(m: MatMul, indices: readonly number[], wrong: Float32Array): Site {
  const b = new GraphBuilder();
  const w = b.leaf('weight', 'token_embd.weight', [m.k, m.rows, 1, 1], m.type);
  const ids = b.leaf('input', 'ids', [indices.length, 1, 1, 1], 'I32');
  const id = b.node('embd', 'GET_ROWS', [m.k, indices.length, 1, 1], [w, ids]);
  const graph = b.build();
  const weights = weightsOf({ 'token_embd.weight': { type: m.type, ne: [m.k, m.rows, 1, 1], bytes: m.bytes } });
  return siteOf({ graph, node: tensorOf(graph, id), sources: [undefined, Float32Array.from(indices)], weights, wrong });
}

/** Rows of the weight's values, one after another. */
export function rowsOf(m: MatMul, weight: Float32Array, indices: readonly number[]): Float32Array {
  return Float32Array.from(indices.flatMap((r) => Array.from(weight.subarray(r * m.k, (r + 1) * m.k))));
}

/** Wrong numbers that no mistake in the weight makes: noise as large as a tenth of the values. */
export function unrelated(right: Float32Array): Float32Array {
  const next = random(4242);
  const size = Math.sqrt(right.reduce((s, v) => s + v * v, 0) / right.length);
  return right.map((v) => v + (next() - 0.5) * 0.3 * size);
}

export { rowBytes };
