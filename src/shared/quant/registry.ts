import { QuarrelError } from '../base/errors';
import { Q8_1, Q8_K } from './activation-blocks';
import { BF16, F16, F32, F64 } from './float';
import type { QuantFormat, SupportedFormat } from './format';
import type { GgmlTypeName } from './ggml-type';
import { IQ1_M, IQ1_S } from './i-quants-1';
import { IQ2_S, IQ2_XS, IQ2_XXS } from './i-quants-2';
import { IQ3_S, IQ3_XXS } from './i-quants-3';
import { IQ4_NL, IQ4_XS } from './i-quants-4';
import { I16, I32, I64, I8 } from './integer';
import { Q4_K, Q5_K, Q6_K } from './k-quants';
import { Q2_K, Q3_K } from './k-quants-low';
import { Q1_0, Q2_0, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 } from './legacy';
import { MXFP4, NVFP4 } from './microscaling';
import { TQ1_0, TQ2_0 } from './ternary';

/** Every type of llama.cpp v0.4.0; the compiler refuses a missing one. */
export const QUANT_FORMATS: Readonly<Record<GgmlTypeName, QuantFormat>> = {
  ...{ F64, F32, F16, BF16 },
  ...{ I8, I16, I32, I64 },
  ...{ Q1_0, Q2_0, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 },
  ...{ Q2_K, Q3_K, Q4_K, Q5_K, Q6_K },
  ...{ IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ4_NL, IQ4_XS },
  ...{ TQ1_0, TQ2_0 },
  ...{ MXFP4, NVFP4 },
  ...{ Q8_1, Q8_K },
};

/** The decodable format of a type. Throws QuarrelError with the reason where there is none. */
export function supportedFormat(type: GgmlTypeName): SupportedFormat {
  const format = QUANT_FORMATS[type];
  if (format.status === 'unsupported') throw new QuarrelError(`${type} cannot be decoded: ${format.reason}`);
  return format;
}

/** Bytes of one row of `elements` elements; `elements` must be a multiple of the type's block. */
export function rowBytes(type: GgmlTypeName, elements: number): number {
  const { blockElements, blockBytes } = QUANT_FORMATS[type];
  return (elements / blockElements) * blockBytes;
}
