import { describe, expect, it } from 'vitest';
import { f16ToF32 } from '../../../../../src/shared/base/float-bits';
import { ANOTHER_TENSOR } from '../../../../../src/shared/diagnosis/hypotheses/weights/another-tensor';
import { ANOTHER_TYPE } from '../../../../../src/shared/diagnosis/hypotheses/weights/another-type';
import { STRUCT_OF_ARRAYS } from '../../../../../src/shared/diagnosis/hypotheses/weights/struct-of-arrays';
import { RESULTS_NOT_COMPUTED } from '../../../../../src/shared/diagnosis/hypotheses/weights/results-missing';
import { SUM_TAIL_DROPPED } from '../../../../../src/shared/diagnosis/hypotheses/weights/sum-tail';
import { TRANSPOSED_WEIGHT } from '../../../../../src/shared/diagnosis/hypotheses/weights/transposed';
import {
  OFFSET_OVERFLOW,
  TENSOR_OFFSET,
  WEIGHT_ROW_INDEX,
} from '../../../../../src/shared/diagnosis/hypotheses/weights/weight-offset';
import type { GgmlTypeName } from '../../../../../src/shared/quant/ggml-type';
import { bestOf } from '../../try-hypothesis';
import { expectExplained, expectExplainedAt } from './try-weights';
import type { MatMul } from './weight-fixture';
import { decoded, gatherSite, matMul, matMulSite, productWith, rowsOf } from './weight-fixture';

/** The weight's values where its bytes are others. */
const ofBytes = (m: MatMul, bytes: Uint8Array, type: GgmlTypeName = m.type): Float32Array =>
  decoded({ ...m, type, bytes });

describe('where bytes lie', () => {
  const m = matMul('Q8_0', 96, 40);
  const blocks = m.bytes.length / 34;

  it('codes first, scales behind, decoded block by block', async () => {
    const stored = new Uint8Array(m.bytes.length);
    for (let b = 0; b < blocks; b++) {
      stored.set(m.bytes.subarray(34 * b + 2, 34 * b + 34), 32 * b);
      stored.set(m.bytes.subarray(34 * b, 34 * b + 2), 32 * blocks + 2 * b);
    }
    const best = await expectExplained(STRUCT_OF_ARRAYS, m, ofBytes(m, stored));
    expect(best.label).toBe('reordered, read as blocks, codes first');
  });

  it('blocks decoded as if each row had its scales first', async () => {
    const read = new Uint8Array(m.bytes.length);
    const row = 3 * 34;
    for (let r = 0; r < 40; r++) {
      for (let b = 0; b < 3; b++) {
        const at = r * row;
        read.set(m.bytes.subarray(at + 2 * b, at + 2 * b + 2), at + 34 * b);
        read.set(m.bytes.subarray(at + 6 + 32 * b, at + 6 + 32 * b + 32), at + 34 * b + 2);
      }
    }
    const best = await expectExplained(STRUCT_OF_ARRAYS, m, ofBytes(m, read));
    expect(best.label).toBe('blocks, read as reordered, in the order of the block, each row');
  });

  it.each([-34, 32, -16, 34])('shifted by %i bytes', async (shift) => {
    // Q4_0: garbage scales are as likely as codes, so that only a shift by blocks stays small
    const f16 = matMul('F16', 60, 40);
    const [from, used] = Math.abs(shift) === 34 ? [m, m] : [f16, f16];
    const bytes = new Uint8Array(from.bytes.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = from.bytes[i + shift] ?? 0;
    const best = await expectExplained(TENSOR_OFFSET, used, ofBytes(used, bytes));
    expect(best.parameters).toMatchObject({ bytes: shift });
  });

  it('rows off by one, in a mat-mul and in a gather', async () => {
    const right = decoded(m);
    const wrong = Float32Array.from(right, (_, i) => right[i + m.k] ?? 0);
    expect((await expectExplained(WEIGHT_ROW_INDEX, m, wrong)).parameters).toMatchObject({ rows: 1 });
    const site = gatherSite(m, [3, 7, 3, 20, 11], rowsOf(m, right, [2, 6, 2, 19, 10]));
    expect((await expectExplainedAt(WEIGHT_ROW_INDEX, site)).parameters).toMatchObject({ rows: -1 });
  });

  it('passes over the row past the tensor’s end, but does not explain an error by it', async () => {
    const right = decoded(m);
    // what lies behind the tensor is garbage, and larger than anything in it
    const wrong = Float32Array.from(right, (_, i) => right[i + m.k] ?? 1000 * Math.sin(i));
    const best = await bestOf(WEIGHT_ROW_INDEX, matMulSite(m, productWith(m, wrong)));
    expect(best?.share).toBeGreaterThan(0.99);
    const unlike = Float32Array.from(right, (v, i) =>
      i < 39 * m.k ? v * (1 + 0.3 * Math.sin(i)) : 1000 * Math.sin(i),
    );
    for (const hypothesis of [WEIGHT_ROW_INDEX, TENSOR_OFFSET]) {
      const other = await bestOf(hypothesis, matMulSite(m, productWith(m, unlike)));
      expect(other?.share ?? 0).toBeLessThan(0.5);
    }
  });

  it('offsets that wrap at 2^16 bytes', async () => {
    const large = matMul('F32', 100, 300);
    const right = decoded(large);
    const wrong = Float32Array.from(right, (_, i) => right[i % 16384]!);
    expect((await expectExplained(OFFSET_OVERFLOW, large, wrong)).parameters).toMatchObject({ bytes: 65536 });
  });

  it('rows and columns swapped', async () => {
    const f16 = matMul('F16', 40, 60);
    const right = decoded(f16);
    const wrong = Float32Array.from(right, (_, i) => right[Math.floor(i / 40) + 60 * (i % 40)]!);
    await expectExplained(TRANSPOSED_WEIGHT, f16, wrong);
  });
});

describe('which bytes they are', () => {
  it('K for V, the layer before, the embedding for the head', async () => {
    const m = matMul('Q4_1', 96, 40);
    const names = ['blk.3.attn_k.weight', 'blk.2.attn_v.weight', 'blk.4.attn_v.weight', 'blk.0.attn_v.weight'];
    const tensors = Object.fromEntries(
      names.map((name, i) => {
        const { bytes } = matMul('Q4_1', 96, 40, 5, { seed: 10 + i });
        return [name, { type: m.type, ne: [96, 40, 1, 1] as const, bytes }];
      }),
    );
    for (const [i, label] of [
      [0, 'attn_k for attn_v'],
      [1, 'the layer before'],
      [3, 'layer 0'],
    ] as const) {
      const wrong = ofBytes(m, tensors[names[i]!]!.bytes);
      const best = await expectExplained(ANOTHER_TENSOR, m, wrong, { name: 'blk.3.attn_v.weight', tensors });
      expect(best).toMatchObject({ label, parameters: { tensor: names[i] } });
    }
    const embedding = matMul('Q8_0', 96, 40, 5, { seed: 99 });
    const best = await expectExplained(ANOTHER_TENSOR, m, decoded(embedding), {
      name: 'output.weight',
      tensors: { 'token_embd.weight': { type: 'Q8_0', ne: [96, 40, 1, 1], bytes: embedding.bytes } },
    });
    expect(best.label).toBe('token_embd for output');
  });

  it.each([
    ['Q4_0', 'IQ4_NL', 'IQ4_NL'],
    ['F16', 'BF16', 'BF16'],
  ] as const)('%s decoded as %s', async (type, as, label) => {
    const m = matMul(type, 96, 40);
    expect((await expectExplained(ANOTHER_TYPE, m, ofBytes(m, m.bytes, as))).label).toBe(label);
  });

  it('a small F16 table gathered as BF16', async () => {
    const m = matMul('F16', 24, 40);
    const site = gatherSite(m, [3, 7, 39], rowsOf(m, ofBytes(m, m.bytes, 'BF16'), [3, 7, 39]));
    expect((await expectExplainedAt(ANOTHER_TYPE, site)).label).toBe('BF16');
  });

  it('Q4_1 read with the blocks of Q4_0, one after another', async () => {
    const m = matMul('Q4_1', 96, 40);
    const wrong = ofBytes(m, m.bytes.slice(0, (m.bytes.length / 20) * 18), 'Q4_0');
    const best = await expectExplained(ANOTHER_TYPE, m, wrong);
    expect(best.label).toBe('Q4_0 with its block size, rows packed');
  });
});

describe('tails', () => {
  it('the last K mod 64 elements are not added', async () => {
    const m = matMul('Q8_0', 160, 40);
    const wrong = decoded(m).map((v, i) => (i % 160 < 128 ? v : 0));
    const best = await expectExplained(SUM_TAIL_DROPPED, m, wrong);
    expect(best.parameters).toMatchObject({ missing: 32, elements: 160 });
  });

  it.each([
    ['channels', 32, 7, 13],
    ['tokens', 45, 4, 3],
  ])('%s past a tile are not computed', async (what, channels, tokens, missing) => {
    const m = matMul('Q8_0', 96, 45, 7);
    const isComputed = (i: number): boolean => i % 45 < channels && Math.floor(i / 45) < tokens;
    const wrong = productWith(m, decoded(m)).map((v, i) => (isComputed(i) ? v : 0));
    const site = matMulSite(m, wrong);
    const best = await bestOf(RESULTS_NOT_COMPUTED, site);
    expect(best?.share).toBeGreaterThan(0.99);
    expect(best?.label).toContain(what);
    expect(best?.parameters).toMatchObject({ missing });
    expect([...RESULTS_NOT_COMPUTED.variants({ ...site, wrong: site.right })]).toEqual([]);
  });
});

it('f16 as the fixture writes it is read back', () => {
  const m = matMul('F16', 4, 2);
  expect(decoded(m)[0]).toBe(f16ToF32(m.bytes[0]! + 256 * m.bytes[1]!));
});
