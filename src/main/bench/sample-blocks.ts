import type { BlockField } from '../../shared/quant/format';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { supportedFormat } from '../../shared/quant/registry';

/**
 * Blocks to time decoders on: random bytes with scales of ordinary size, as a model has them. (Random scales would be
 * subnormal, infinite or NaN in one block of sixteen and time the rare paths.) The same bytes each time.
 */
export function sampleBlocks(type: GgmlTypeName, blocks: number): Uint8Array<ArrayBuffer> {
  const { blockBytes, fields } = supportedFormat(type);
  const bytes = pseudoRandomBytes(blocks * blockBytes);
  const scales = fields(bytes.subarray(0, blockBytes)).filter(({ name }) => SCALE_FIELDS.has(name));
  for (let start = 0; start < bytes.length; start += blockBytes) {
    for (const scale of scales) makeOrdinary(bytes, start, scale);
  }
  return bytes;
}

/** Names that formats give to floating-point scales; F16 and BF16 have a `value` instead. */
const SCALE_FIELDS: ReadonlySet<string> = new Set(['d', 'dmin', 'm', 'e', 'value']);

function makeOrdinary(bytes: Uint8Array, start: number, { length, offset }: BlockField): void {
  const last = start + offset + length - 1;
  const top = bytes[last] as number;
  if (length === 1) bytes[last] = 120; // E8M0: 2⁻⁷
  if (length === 2) bytes[last] = (top & 0x83) | 0x2c; // f16: 2⁻⁴ … 2⁻³; bf16: small, too
  if (length === 4) bytes[last] = (top & 0x80) | 0x3d; // f32: 2⁻⁵ … 2⁻³
  if (length === 8) bytes[last] = (top & 0x0f) | 0x20; // IQ1_M: the f16's top nibble lies in the last byte
}

/** Marsaglia's xorshift32 (2003). */
function pseudoRandomBytes(length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}
