import { describe, expect, it } from 'vitest';
import { BLOCK_ANATOMY } from '../../../src/shared/compare/decode-anatomy';
import { mergeOddScales, ScaleCensus } from '../../../src/shared/compare/decode-scales';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { QUANT_FORMATS, supportedFormat } from '../../../src/shared/quant/registry';
import { randomBytes } from '../../helpers/random';

const TYPES = Object.keys(BLOCK_ANATOMY) as GgmlTypeName[];
const SCALED = TYPES.filter((type) => BLOCK_ANATOMY[type].scales.length > 0);

/** Value of a scale as the format's own field decoder says it. */
function scaleValue(type: GgmlTypeName, block: Uint8Array, slot: string): number {
  const [name, index = '0'] = slot.split(/[[\]]/);
  return supportedFormat(type)
    .fields(block)
    .find((field) => field.name === name)!.values[Number(index)]!;
}

function kindOf(x: number, leastNormal: number): string | undefined {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return 'infinite';
  if (x === 0) return 'zero';
  return Math.abs(x) < leastNormal ? 'subnormal' : undefined;
}

describe('the table of scales', () => {
  it.each(TYPES)('%s: sub-blocks divide the block', (type) => {
    expect(QUANT_FORMATS[type].blockElements % BLOCK_ANATOMY[type].subBlock).toBe(0);
  });

  it.each(SCALED)('%s: finds exactly the odd scales that the field decoder shows', (type) => {
    const { blockBytes } = QUANT_FORMATS[type];
    const { scales } = BLOCK_ANATOMY[type];
    const bytes = randomBytes(4000 * blockBytes, 17);
    // random f16 are rarely zero or infinite
    for (const { offset } of scales) bytes.fill(0, offset, offset + 1).fill(0, offset + 1, offset + 2);
    const census = new ScaleCensus(BLOCK_ANATOMY[type]);
    census.add(bytes, 4000, blockBytes, (i) => i + 100);
    const wanted = new Map<string, number[]>();
    for (let i = 0; i < 4000; i++) {
      const block = bytes.subarray(i * blockBytes, (i + 1) * blockBytes);
      for (const { name, encoding } of scales) {
        // halves of what the standards say: e8m0 below 2, ue4m3 below its least normal number
        const least = {
          f16: 2 ** -14,
          'split-f16': 2 ** -14,
          f32: 2 ** -126,
          bf16: 2 ** -126,
          f64: 2 ** -126,
          e8m0: 2 ** -126,
          ue4m3: 2 ** -7,
        }[encoding];
        const standardNaN = (encoding === 'e8m0' && block[0] === 255) || isNaN4(encoding, block, name);
        const kind = standardNaN ? 'nan' : kindOf(scaleValue(type, block, name), least);
        if (kind) wanted.set(`${name} ${kind}`, [...(wanted.get(`${name} ${kind}`) ?? []), i + 100]);
      }
    }
    const found = census.found.map(({ slot, kind, count, blocks }) => [`${slot} ${kind}`, count, blocks]);
    const expected = [...wanted].map(([key, blocks]) => [key, blocks.length, blocks.slice(0, 8)]);
    expect(found.sort()).toEqual(expected.sort());
    expect(found.length).toBeGreaterThan(0);
  });
});

describe('plain values', () => {
  const kinds = (encoding: 'bf16' | 'f64' | 'f32' | 'f16', bytes: Uint8Array, size: number): readonly string[] => {
    const census = new ScaleCensus({ subBlock: 1, scales: [{ name: 'value', offset: 0, encoding }] });
    census.add(bytes, bytes.length / size, size, (i) => i);
    return census.found.flatMap(({ kind, blocks }) => blocks.map((i) => `${i} ${kind}`)).sort();
  };
  const values = [1, NaN, Infinity, -Infinity, 0, -2.5];
  const odd = ['1 nan', '2 infinite', '3 infinite', '4 zero'];

  it('of BF16, F32 and F64 are told apart', () => {
    const f32 = new Uint8Array(Float32Array.from(values).buffer);
    expect(kinds('f32', f32, 4)).toEqual(odd);
    expect(
      kinds(
        'bf16',
        f32.filter((_, i) => i % 4 > 1),
        2,
      ),
    ).toEqual(odd);
    expect(kinds('f64', new Uint8Array(Float64Array.from(values).buffer), 8)).toEqual(odd);
  });

  it('of F64 that f32 cannot hold are infinite, as lanes read them', () => {
    expect(kinds('f64', new Uint8Array(Float64Array.of(1e300, 1e38).buffer), 8)).toEqual(['0 infinite']);
  });
});

function isNaN4(encoding: string, block: Uint8Array, slot: string): boolean {
  return encoding === 'ue4m3' && (block[Number(/\d/.exec(slot)![0])]! & 0x7f) === 0x7f;
}

describe('mergeOddScales', () => {
  it('adds counts and keeps the first eight blocks', () => {
    const census = (from: number, blocks: number) => {
      const own = new ScaleCensus(BLOCK_ANATOMY.Q4_0);
      own.add(new Uint8Array(18 * blocks), blocks, 18, (i) => from + i);
      return own.found;
    };
    const merged = census(0, 5);
    mergeOddScales(merged, census(5, 10));
    expect(merged).toEqual([{ slot: 'd', kind: 'zero', count: 15, blocks: [0, 1, 2, 3, 4, 5, 6, 7] }]);
  });
});
