import { QuarrelError } from '../base/errors';
import { BF16, F16, F32 } from './float';
import type { QuantFormat, SupportedFormat } from './format';
import type { GgmlTypeName } from './ggml-type';
import { Q4_K, Q5_K, Q6_K } from './k-quants';
import { Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 } from './legacy';
import { UNSUPPORTED } from './unsupported';

/** Every type of llama.cpp v0.4.0; the compiler refuses a missing one. */
export const QUANT_FORMATS: Readonly<Record<GgmlTypeName, QuantFormat>> = {
  ...UNSUPPORTED,
  F32,
  F16,
  BF16,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q4_K,
  Q5_K,
  Q6_K,
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
