import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import koffi from 'koffi';
import { describe, expect, it } from 'vitest';
import { f16ToF32 } from '../../../src/shared/base/float-bits';
import type { DotType } from '../../../src/shared/quant/activations';
import { convertActivations, dotExtension, dotTypeOf, readBlockMins } from '../../../src/shared/quant/activations';
import { GgmlType } from '../../../src/shared/quant/ggml-type';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { ggmlBasePath } from '../../helpers/ggml-base';
import { finiteBlock } from '../../helpers/blocks';
import { randomWords } from '../../helpers/random';

/** The AVX2 build of ggml's CPU backend, where this CPU can run it. */
function loadAvx2Backend(): ReturnType<typeof koffi.load> | undefined {
  const base = ggmlBasePath();
  const path = base && join(dirname(base), 'libggml-cpu-haswell.so');
  if (!path || !existsSync(path) || process.arch !== 'x64' || process.platform !== 'linux') return undefined;
  return / avx2 /.test(readFileSync('/proc/cpuinfo', 'utf8')) ? koffi.load(path) : undefined;
}
const backend = loadAvx2Backend();

const BLOCK = {
  Q8_0: { elements: 32, bytes: 34 },
  Q8_1: { elements: 32, bytes: 36 },
  Q8_K: { elements: 256, bytes: 292 },
} as const;
type Quantized = keyof typeof BLOCK;

/** Random bits as activations: all magnitudes, no NaN. */
function wildValues(count: number, seed: number): Float32Array {
  const values = new Float32Array(randomWords(count, seed).buffer);
  return values.map((x, i) => (Number.isFinite(x) ? x : i));
}

/** Values of activations as networks have them. */
function plainValues(count: number, seed: number): Float32Array {
  return Float32Array.from(randomWords(count, seed), (w) => (w / 2 ** 32 - 0.5) * 8);
}

/** Multiples of max/127 and of half of it: every code, and every tie between two codes. */
function ties(elements: number): Float32Array {
  return Float32Array.from({ length: 9 * elements }, (_, i) => (i % elements === 0 ? 127 : (i % 254) / 2 - 63.5));
}

/** Decodes the blocks that the library wrote: code × scale, and for Q8_1 s − d·Σq after each row. */
function decodeLibraryBlocks(dot: Quantized, blocks: Uint8Array, count: number): Float64Array {
  const view = new DataView(blocks.buffer);
  const { elements, bytes } = BLOCK[dot];
  const out = new Float64Array(count + dotExtension(dot, count));
  for (let b = 0; b < count / elements; b++) {
    const at = b * bytes;
    const half = (offset: number): number => f16ToF32(view.getUint16(at + offset, true));
    const d = dot === 'Q8_K' ? view.getFloat32(at, true) : half(0);
    const codes = at + { Q8_0: 2, Q8_1: 4, Q8_K: 4 }[dot];
    let sum = 0;
    for (let i = 0; i < elements; i++) {
      const q = view.getInt8(codes + i);
      sum += q;
      out[b * elements + i] = q * d;
    }
    if (dot === 'Q8_1') out[count + b] = half(2) - d * sum;
  }
  return out;
}

function ours(dot: DotType, values: Float32Array): Float64Array {
  const out = new Float64Array(values.length + dotExtension(dot, values.length));
  convertActivations(dot, values, 0, values.length, out, 0);
  return out;
}

describe.skipIf(!backend).each(Object.keys(BLOCK) as Quantized[])('%s against libggml-cpu (AVX2)', (dot) => {
  const { elements, bytes } = BLOCK[dot];
  const quantize = backend?.func(
    `void quantize_row_${dot.toLowerCase().replace('_k', '_K')}(const float *x, void *y, int64_t k)`,
  );
  const compare = (values: Float32Array): void => {
    const blocks = new Uint8Array((values.length / elements) * bytes);
    quantize?.(values, blocks, values.length);
    expect(ours(dot, values)).toEqual(decodeLibraryBlocks(dot, blocks, values.length));
  };

  it('converts ordinary activations to equal values', () => compare(plainValues(8192, 1)));
  it('converts values of all magnitudes', () => compare(wildValues(8192, 2)));
  it('rounds ties as it does', () => compare(ties(elements)));
  it('converts zeros, and blocks of subnormals', () => {
    compare(new Float32Array(2 * elements));
    compare(plainValues(4 * elements, 3).map((x) => x * 1e-40));
    compare(plainValues(4 * elements, 4).map((x) => x * 1e-37));
  });

  it.each([0, 1, 7, 8, 15, 16, 24, 31])('does with NaN and Inf at position %d what it does', (position) => {
    for (const special of [NaN, Infinity, -Infinity]) {
      const values = plainValues(2 * elements, 5);
      values[elements + position] = special;
      compare(values);
    }
  });
});

describe('convertActivations', () => {
  it('halves the bits of F16 and BF16, and keeps F32', () => {
    const values = Float32Array.from([1 + 2 ** -11, 1 + 3 * 2 ** -11, 1e-8, 1e6, -0.1]);
    expect([...ours('F32', values)]).toEqual([...values]);
    expect([...ours('F16', values)]).toEqual([1, 1 + 2 ** -9, 0, Infinity, -0.0999755859375]);
    expect([...ours('BF16', values)]).toEqual([1, 1, 1.0011717677116394e-8, 999424, -0.10009765625]);
  });

  it('writes at an offset and nothing else', () => {
    const values = plainValues(96, 6);
    const out = new Float64Array(80).fill(42);
    convertActivations('Q8_0', values, 32, 64, out, 8);
    expect([...out.subarray(8, 72)]).toEqual([...ours('Q8_0', values.subarray(32))]);
    expect([...out.subarray(0, 8), ...out.subarray(72)].every((x) => x === 42)).toBe(true);
  });
});

describe('dot types', () => {
  it('knows the dot type of every type that ggml multiplies with', () => {
    const none = (Object.keys(GgmlType) as GgmlTypeName[]).filter((type) => dotTypeOf(type) === undefined);
    expect(none).toEqual(['Q8_1', 'Q8_K', 'I8', 'I16', 'I32', 'I64', 'F64']);
    expect(dotTypeOf('Q4_K')).toBe('Q8_K');
    expect(dotTypeOf('Q4_1')).toBe('Q8_1');
  });

  it.each(['Q4_1', 'Q5_1'] as const)('reads the mins of %s blocks', (type) => {
    const bytes = { Q4_1: 20, Q5_1: 24 }[type];
    const row = Uint8Array.from([...finiteBlock(type, [0, 2], 1), ...finiteBlock(type, [0, 2], 2)]);
    const view = new DataView(row.buffer);
    const mins = new Float32Array(3);
    readBlockMins(row, 0, 2, bytes, mins, 1);
    expect([...mins]).toEqual([0, f16ToF32(view.getUint16(2, true)), f16ToF32(view.getUint16(bytes + 2, true))]);
  });
});
