import { describe, expect, it } from 'vitest';
import { f16ToF32 } from '../../../../../src/shared/base/float-bits';
import {
  SCALE_OF_ANOTHER_BLOCK,
  SCALE_READ_AS_ANOTHER_FLOAT,
  SUBNORMAL_SCALE_FLUSHED,
  SUBNORMAL_SCALE_RESCALED,
} from '../../../../../src/shared/diagnosis/hypotheses/weights/block-scale';
import { BLOCK_MIN } from '../../../../../src/shared/diagnosis/hypotheses/weights/mins';
import {
  SCALE_HIGH_BITS,
  SCALES_AS_MINS,
  SUB_BLOCK_SCALE_BITS,
} from '../../../../../src/shared/diagnosis/hypotheses/weights/packed-scales';
import { SUB_BLOCK_ORDER } from '../../../../../src/shared/diagnosis/hypotheses/weights/sub-block-order';
import { expectExplained } from './try-weights';
import { decoded, matMul, perBlock } from './weight-fixture';

const half = (b: Uint8Array, at: number): number => f16ToF32(b[at]! + 256 * b[at + 1]!);

/** Scale and min j of Q4_K, put together from strings of bits: slow, and written another way than any decoder. */
function pair(b: Uint8Array, j: number, withHigh = true): { scale: number; min: number } {
  const bits = (byte: number): string => b[4 + byte]!.toString(2).padStart(8, '0');
  const of = (text: string): number => Number.parseInt(text, 2);
  if (j < 4) return { scale: of(bits(j).slice(2)), min: of(bits(j + 4).slice(2)) };
  const high = (byte: number): string => (withHigh ? bits(byte).slice(0, 2) : '00');
  return { scale: of(high(j - 4) + bits(j + 4).slice(4)), min: of(high(j) + bits(j + 4).slice(0, 4)) };
}

/** Code of element e of Q4_K. */
const code4 = (b: Uint8Array, e: number): number => {
  const byte = b[16 + 32 * Math.floor(e / 64) + (e % 32)]!;
  return e % 64 < 32 ? byte % 16 : Math.floor(byte / 16);
};
const subOf = (e: number): number => Math.floor(e / 32);

describe('scales and mins of sub-blocks', () => {
  const q4k = matMul('Q4_K', 512, 24);

  it.each([
    ['missing: scales and mins', false, false],
    ['missing: scales', false, true],
    ['missing: mins', true, false],
  ])('Q4_K, high bits %s', async (label, scaleHigh, minHigh) => {
    const wrong = perBlock(q4k, (b, e) => {
      const { scale } = pair(b, subOf(e), scaleHigh);
      const { min } = pair(b, subOf(e), minHigh);
      return half(b, 0) * scale * code4(b, e) - half(b, 2) * min;
    });
    const best = await expectExplained(SCALE_HIGH_BITS, q4k, wrong);
    expect(best).toMatchObject({ label, parameters: { type: 'Q4_K' } });
  });

  it('Q4_K, scales and mins swapped', async () => {
    const wrong = perBlock(q4k, (b, e) => {
      const { scale, min } = pair(b, subOf(e));
      return half(b, 0) * min * code4(b, e) - half(b, 2) * scale;
    });
    expect((await expectExplained(SCALES_AS_MINS, q4k, wrong)).label).toBe('all');
  });

  it('Q2_K, scale and min nibble swapped', async () => {
    const m = matMul('Q2_K', 512, 20);
    const wrong = perBlock(m, (b, e) => {
      const byte = b[Math.floor(e / 16)]!;
      const q = (b[16 + 32 * Math.floor(e / 128) + (e % 32)]! >> (2 * (Math.floor(e / 32) % 4))) % 4;
      return half(b, 80) * Math.floor(byte / 16) * q - half(b, 82) * (byte % 16);
    });
    expect((await expectExplained(SCALES_AS_MINS, m, wrong)).label).toBe('all');
  });

  it('Q2_K, the scales of neighbouring sub-blocks swapped', async () => {
    const m = matMul('Q2_K', 512, 20);
    const wrong = perBlock(m, (b, e) => {
      const s = Math.floor(e / 16);
      const byte = b[s % 2 === 0 ? s + 1 : s - 1]!;
      const q = (b[16 + 32 * Math.floor(e / 128) + (e % 32)]! >> (2 * (Math.floor(e / 32) % 4))) % 4;
      return half(b, 80) * (byte % 16) * q - half(b, 82) * Math.floor(byte / 16);
    });
    expect((await expectExplained(SUB_BLOCK_ORDER, m, wrong)).label).toBe('neighbours swapped');
  });

  it.each([
    ['4 bits, no offset', 0],
    ['4 bits, minus 32', 32],
  ])('Q3_K, scales as %s', async (label, less) => {
    const m = matMul('Q3_K', 256, 30);
    const wrong = perBlock(m, (b, e) => {
      const s = Math.floor(e / 16);
      const scale = s < 8 ? b[96 + s]! % 16 : Math.floor(b[96 + s - 8]! / 16);
      const low = (b[32 + 32 * Math.floor(e / 128) + (e % 32)]! >> (2 * (Math.floor(e / 32) % 4))) % 4;
      const set = Math.floor(b[e % 32]! / 2 ** Math.floor(e / 32)) % 2;
      return half(b, 108) * (scale - less) * (set ? low : low - 4);
    });
    expect((await expectExplained(SUB_BLOCK_SCALE_BITS, m, wrong)).label).toBe(label);
  });

  it('Q6_K, scales unsigned', async () => {
    const m = matMul('Q6_K', 256, 30);
    const right = decoded(m);
    const wrong = perBlock(m, (b, e, index, row) => {
      const scale = b[192 + Math.floor(e / 16)]!;
      const signed = scale > 127 ? scale - 256 : scale;
      const x = right[row * m.k + index * 256 + e]!;
      return signed === 0 ? 0 : (x / signed) * scale;
    });
    expect((await expectExplained(SUB_BLOCK_SCALE_BITS, m, wrong)).label).toBe('unsigned');
  });
});

describe('mins', () => {
  const q41 = matMul('Q4_1', 96, 40);
  const code = (b: Uint8Array, e: number): number => (e < 16 ? b[4 + e]! % 16 : Math.floor(b[4 + e - 16]! / 16));

  it.each([
    ['left out', 0, 0],
    ['sign flipped', 0, -1],
    ['taken for −8 × d', -8, 0],
  ])('Q4_1: %s', async (label, ofD, ofM) => {
    const wrong = perBlock(q41, (b, e) => half(b, 0) * (code(b, e) + ofD) + ofM * half(b, 2));
    expect((await expectExplained(BLOCK_MIN, q41, wrong)).label).toBe(label);
  });

  it('Q4_K: d and dmin swapped', async () => {
    const m = matMul('Q4_K', 256, 24);
    const wrong = perBlock(m, (b, e) => {
      const { scale, min } = pair(b, subOf(e));
      return half(b, 2) * scale * code4(b, e) - half(b, 0) * min;
    });
    expect((await expectExplained(BLOCK_MIN, m, wrong)).label).toBe('d and dmin swapped');
  });
});

describe('scales of blocks', () => {
  const m = matMul('Q4_0', 160, 40, 5, { subnormal: 0.3 });
  const code = (b: Uint8Array, e: number): number => (e < 16 ? b[2 + e]! % 16 : Math.floor(b[2 + e - 16]! / 16)) - 8;
  const word = (b: Uint8Array): number => b[0]! + 256 * b[1]!;
  const isTiny = (b: Uint8Array): boolean => Math.floor(word(b) / 1024) % 32 === 0;

  it('subnormal ones flushed to zero', async () => {
    const wrong = perBlock(m, (b, e) => (isTiny(b) ? 0 : half(b, 0) * code(b, e)));
    const best = await expectExplained(SUBNORMAL_SCALE_FLUSHED, m, wrong);
    expect(best.label).toBe('flushed');
  });

  it('subnormal ones 16 times too large', async () => {
    const wrong = perBlock(m, (b, e) => half(b, 0) * code(b, e) * (isTiny(b) ? 16 : 1));
    const best = await expectExplained(SUBNORMAL_SCALE_RESCALED, m, wrong);
    expect(best).toMatchObject({ parameters: { factor: 16 } });
  });

  it('read as bf16', async () => {
    const plain = matMul('Q8_0', 96, 40);
    const wrong = perBlock(plain, (b, e) => {
      const view = new DataView(new ArrayBuffer(4));
      view.setUint16(0, word(b));
      return view.getFloat32(0) * ((b[2 + e]! << 24) >> 24);
    });
    expect((await expectExplained(SCALE_READ_AS_ANOTHER_FLOAT, plain, wrong)).label).toBe('bf16');
  });

  it('MXFP4: twice as large', async () => {
    const mx = matMul('MXFP4', 96, 40);
    const wrong = decoded(mx).map((v) => 2 * v);
    expect((await expectExplained(SCALE_READ_AS_ANOTHER_FLOAT, mx, wrong)).label).toBe('twice as large');
  });

  it('of the block before, in the row', async () => {
    const q8 = matMul('Q8_0', 160, 30);
    const wrong = perBlock(q8, (b, e, index, row) => {
      const from = index === 0 ? 0 : (row * 5 + index - 1) * 34;
      const d = index === 0 ? half(b, 0) : half(q8.bytes, from);
      return d * ((b[2 + e]! << 24) >> 24);
    });
    expect((await expectExplained(SCALE_OF_ANOTHER_BLOCK, q8, wrong)).label).toBe('the block before');
  });
});
