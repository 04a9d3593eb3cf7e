/**
 * Types that Quarrel can size but not decode: a file that holds them can be inspected and its blocks shown as bytes.
 * Sizes derive from the C structs' fields (ggml-common.h of llama.cpp v0.4.0). A type moves out of this table into the
 * file of its family when its decoder is written.
 */
import type { QuantFamily, UnsupportedFormat } from './format';
import type { GgmlTypeName } from './ggml-type';
import { blockStruct, layoutOf } from './layout';
import type { FieldSizes } from './layout';

const QK_K = 256;
const NO_DECODER = 'no decoder yet';

const REASONS: Readonly<Record<QuantFamily, string>> = {
  float: 'f32 does not hold an f64',
  integer: 'integers are no weights',
  legacy: NO_DECODER,
  'k-quants': NO_DECODER,
  'i-quants': NO_DECODER,
  ternary: NO_DECODER,
  microscaling: NO_DECODER,
  activation: 'ggml makes it while computing; model files do not hold it',
};

function sized<Type extends GgmlTypeName>(
  type: Type,
  family: QuantFamily,
  blockElements: number,
  fields: FieldSizes,
  expectedBytes: number,
): Readonly<Record<Type, UnsupportedFormat>> {
  const format: UnsupportedFormat = {
    ...layoutOf(type, family, blockElements, blockStruct(fields, expectedBytes)),
    status: 'unsupported',
    reason: REASONS[family],
  };
  return { [type]: format } as Record<Type, UnsupportedFormat>;
}

export const UNSUPPORTED = {
  ...sized('F64', 'float', 1, { value: 8 }, 8),
  ...sized('I8', 'integer', 1, { value: 1 }, 1),
  ...sized('I16', 'integer', 1, { value: 2 }, 2),
  ...sized('I32', 'integer', 1, { value: 4 }, 4),
  ...sized('I64', 'integer', 1, { value: 8 }, 8),
  ...sized('Q1_0', 'legacy', 128, { d: 2, qs: 16 }, 18),
  ...sized('Q2_0', 'legacy', 64, { d: 2, qs: 16 }, 18),
  ...sized('Q2_K', 'k-quants', QK_K, { scales: 16, qs: 64, d: 2, dmin: 2 }, 84),
  ...sized('Q3_K', 'k-quants', QK_K, { hmask: 32, qs: 64, scales: 12, d: 2 }, 110),
  ...sized('IQ1_S', 'i-quants', QK_K, { d: 2, qs: 32, qh: 16 }, 50),
  ...sized('IQ1_M', 'i-quants', QK_K, { qs: 32, qh: 16, scales: 8 }, 56),
  ...sized('IQ2_XXS', 'i-quants', QK_K, { d: 2, qs: 64 }, 66),
  ...sized('IQ2_XS', 'i-quants', QK_K, { d: 2, qs: 64, scales: 8 }, 74),
  ...sized('IQ2_S', 'i-quants', QK_K, { d: 2, qs: 64, qh: 8, scales: 8 }, 82),
  ...sized('IQ3_XXS', 'i-quants', QK_K, { d: 2, qs: 96 }, 98),
  ...sized('IQ3_S', 'i-quants', QK_K, { d: 2, qs: 64, qh: 8, signs: 32, scales: 4 }, 110),
  ...sized('IQ4_NL', 'i-quants', 32, { d: 2, qs: 16 }, 18),
  ...sized('IQ4_XS', 'i-quants', QK_K, { d: 2, scales_h: 2, scales_l: 4, qs: 128 }, 136),
  ...sized('TQ1_0', 'ternary', QK_K, { qs: 48, qh: 4, d: 2 }, 54),
  ...sized('TQ2_0', 'ternary', QK_K, { qs: 64, d: 2 }, 66),
  ...sized('MXFP4', 'microscaling', 32, { e: 1, qs: 16 }, 17),
  ...sized('NVFP4', 'microscaling', 64, { d: 4, qs: 32 }, 36),
  ...sized('Q8_1', 'activation', 32, { d: 2, s: 2, qs: 32 }, 36),
  ...sized('Q8_K', 'activation', QK_K, { d: 4, qs: 256, bsums: 32 }, 292),
} as const;
