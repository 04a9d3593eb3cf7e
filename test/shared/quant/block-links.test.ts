import { describe, expect, it } from 'vitest';
import { blockLinks } from '../../../src/shared/quant/block-links';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { GgmlType } from '../../../src/shared/quant/ggml-type';

/** Bits `from` … `to` of byte `byte`. */
const bits = (byte: number, from = 0, to = 7): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => 8 * byte + from + i);

function linksOf(type: GgmlTypeName, field: string, value: number): readonly number[] {
  return blockLinks(type).fields.find(({ name }) => name === field)!.values[value]!;
}

describe('blockLinks', () => {
  it('finds the bits of Q4_K as its diagram has them', () => {
    expect(linksOf('Q4_K', 'd', 0)).toEqual([...bits(0), ...bits(1)]);
    expect(linksOf('Q4_K', 'scales', 1)).toEqual(bits(5, 0, 5));
    // s[5]: low bits in the low half of byte 4 + 8 + 1, high bits on top of s[1].
    expect(linksOf('Q4_K', 'scales', 5)).toEqual([...bits(5, 6, 7), ...bits(13, 0, 3)]);
    expect(linksOf('Q4_K', 'mins', 5)).toEqual([...bits(9, 6, 7), ...bits(13, 4, 7)]);
    // Element 64k + 32 + l: high half of byte 16 + 32k + l.
    expect(linksOf('Q4_K', 'qs', 64 + 32 + 3)).toEqual(bits(16 + 32 + 3, 4, 7));
  });

  it('joins everything that a value depends on', () => {
    const { elements } = blockLinks('Q4_K');
    const scale = [...linksOf('Q4_K', 'scales', 5), ...linksOf('Q4_K', 'mins', 5)];
    const own = linksOf('Q4_K', 'qs', 163);
    expect(elements[163]).toEqual(
      [...bits(0), ...bits(1), ...bits(2), ...bits(3), ...scale, ...own].sort((a, b) => a - b),
    );
  });

  it('finds scales that are spread over other fields', () => {
    // IQ1_M: four bits of d in the top of each of the four 16-bit words of scales.
    expect(linksOf('IQ1_M', 'd', 0)).toEqual([49, 51, 53, 55].flatMap((byte) => bits(byte, 4, 7)));
  });

  it.each(Object.keys(GgmlType) as GgmlTypeName[])(
    '%s: every value depends on some bit, every byte matters',
    (type) => {
      const { bits: count, fields, elements } = blockLinks(type);
      for (const list of elements) expect(list.length).toBeGreaterThan(0);
      for (const list of fields.flatMap((f) => f.values)) expect(list.length).toBeGreaterThan(0);
      const bytes = new Set(fields.flatMap((f) => f.values.flat()).map((bit) => bit >> 3));
      expect(bytes.size).toBe(count / 8);
    },
  );
});
