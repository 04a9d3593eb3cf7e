import { describe, expect, it } from 'vitest';
import { GgmlType, ggmlTypeName } from '../../../src/shared/quant/ggml-type';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { QUANT_FORMATS, rowBytes, supportedFormat } from '../../../src/shared/quant/registry';
import { loadGgmlBase } from '../../helpers/ggml-base';

const bind = loadGgmlBase();
const types = Object.keys(GgmlType) as GgmlTypeName[];

describe('registry', () => {
  it('knows every type under its own name', () => {
    for (const type of types) expect(QUANT_FORMATS[type].type).toBe(type);
  });

  it('gives a reason for every type without decoder', () => {
    expect(() => supportedFormat('IQ2_XXS')).toThrow('IQ2_XXS cannot be decoded: no decoder yet');
    for (const format of Object.values(QUANT_FORMATS)) {
      if (format.status === 'unsupported') expect(format.reason).not.toBe('');
    }
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
