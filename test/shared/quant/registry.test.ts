import { describe, expect, it } from 'vitest';
import { GgmlType, ggmlTypeName } from '../../../src/shared/quant/ggml-type';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { QUANT_FORMATS, rowBytes, supportedFormat } from '../../../src/shared/quant/registry';
import { loadGgmlBase, rowDecoderName } from '../../helpers/ggml-base';
import { randomBytes } from '../../helpers/random';

const bind = loadGgmlBase();
const types = Object.keys(GgmlType) as GgmlTypeName[];

describe('registry', () => {
  it('knows every type under its own name', () => {
    for (const type of types) expect(QUANT_FORMATS[type].type).toBe(type);
  });

  it.each(types)('takes a block of %s apart: every byte in a field, ranges equal or apart, in byte order', (type) => {
    const { blockBytes, fields } = supportedFormat(type);
    const ranges = fields(randomBytes(blockBytes, 4)).map(({ offset, length }) => [offset, offset + length] as const);
    const unshared = ranges.filter(([start], i) => start !== ranges[i - 1]?.[0]);
    expect(unshared.map(([start]) => start)).toEqual([0, ...unshared.slice(0, -1).map(([, end]) => end)]);
    expect(unshared[unshared.length - 1]?.[1]).toBe(blockBytes);
    expect(ranges.every((range) => unshared.some(([start, end]) => start === range[0] && end === range[1]))).toBe(true);
  });

  it('gives the bytes of a row', () => {
    expect(rowBytes('Q4_K', 512)).toBe(288);
    expect(rowBytes('F16', 3)).toBe(6);
  });
});

describe.skipIf(!bind)('registry against libggml-base', () => {
  it('has the library’s block sizes', () => {
    const blockSize = bind?.('int64_t ggml_blck_size(int type)');
    const typeSize = bind?.('size_t ggml_type_size(int type)');
    for (const type of types) {
      const { blockElements, blockBytes } = QUANT_FORMATS[type];
      expect([type, blockElements, blockBytes]).toEqual([
        type,
        blockSize?.(GgmlType[type]),
        typeSize?.(GgmlType[type]),
      ]);
    }
  });

  it('decodes all that the library decodes, and what it leaves without decoder', () => {
    const without = types.filter((type) => {
      try {
        return bind?.(`void ${rowDecoderName(type)}(const void *x, void *y, int64_t k)`) === undefined;
      } catch {
        return true; // koffi throws where the library has no such function
      }
    });
    expect(without).toEqual(['F32', 'Q8_1', 'I8', 'I16', 'I32', 'I64', 'F64']);
    expect(types.filter((type) => QUANT_FORMATS[type].status !== 'supported')).toEqual([]);
  });

  it('has the library’s ids and knows all of them', () => {
    const typeName = bind?.('const char *ggml_type_name(int type)');
    const blockSize = bind?.('int64_t ggml_blck_size(int type)');
    // 43 = GGML_TYPE_COUNT of llama.cpp v0.4.0; removed types have no block size.
    for (let id = 0; id < 43; id++) {
      if (blockSize?.(id) === 0) expect(ggmlTypeName(id)).toBeUndefined();
      else expect(ggmlTypeName(id)?.toLowerCase()).toBe((typeName?.(id) as string).toLowerCase());
    }
  });
});
