import type { DequantizeBlocks, SupportedFormat } from '../../../quant/format';
import { supportedFormat } from '../../../quant/registry';
import type { Hypothesis } from '../../hypothesis';
import { decoderVariant, weightTypeOf } from './weight-site';

/** What a float register makes of 16 or 32 bits that are no float; −1: keeps them. */
type Carry = (bits: number) => number;

interface Carried {
  readonly label: string;
  readonly bytes: 2 | 4;
  readonly carry: Carry;
}

const isNaN16 = (w: number): boolean => (w & 0x7c00) === 0x7c00 && (w & 0x3ff) !== 0;
const isNaN32 = (w: number): boolean => (w & 0x7f800000) === 0x7f800000 && (w & 0x7fffff) !== 0;
const isTiny16 = (w: number): boolean => (w & 0x7c00) === 0;
const isTiny32 = (w: number): boolean => (w & 0x7f800000) === 0;

const WAYS: readonly Carried[] = [
  { label: 'f16, NaN made 0x7e00', bytes: 2, carry: (w) => (isNaN16(w) ? 0x7e00 : w) },
  { label: 'f16, NaN made 0x7e00 with its sign', bytes: 2, carry: (w) => (isNaN16(w) ? 0x7e00 | (w & 0x8000) : w) },
  { label: 'f16, NaN made 0x7fff', bytes: 2, carry: (w) => (isNaN16(w) ? 0x7fff : w) },
  { label: 'f16, NaN made quiet', bytes: 2, carry: (w) => (isNaN16(w) ? w | 0x200 : w) },
  { label: 'f16, subnormals flushed', bytes: 2, carry: (w) => (isTiny16(w) ? w & 0x8000 : w) },
  {
    label: 'f16, NaN made 0x7e00, subnormals flushed',
    bytes: 2,
    carry: (w) => (isNaN16(w) ? 0x7e00 : isTiny16(w) ? w & 0x8000 : w),
  },
  { label: 'f32, NaN made 0x7fc00000', bytes: 4, carry: (w) => (isNaN32(w) ? 0x7fc00000 : w) },
  { label: 'f32, NaN made quiet', bytes: 4, carry: (w) => (isNaN32(w) ? w | 0x400000 : w) },
  { label: 'f32, subnormals flushed', bytes: 4, carry: (w) => (isTiny32(w) ? w & 0x80000000 : w) },
];

/** The right decoder on bytes that went through float registers: those at `from` to `to` of each block. */
function carried(
  { dequantize, blockBytes }: SupportedFormat,
  { bytes, carry }: Carried,
  { from, to }: Span,
): DequantizeBlocks {
  return (src, srcOffset, blocks, dst, dstOffset) => {
    const copy = src.slice(srcOffset, srcOffset + blocks * blockBytes);
    const words = bytes === 2 ? new Uint16Array(copy.buffer) : new Int32Array(copy.buffer, 0, copy.length >> 2);
    for (let i = 0; i < words.length; i++) {
      const at = (i * bytes) % blockBytes;
      if (at >= from && at < to) words[i] = carry(words[i]!);
    }
    dequantize(copy, 0, blocks, dst, dstOffset);
  };
}

/** Bytes of a block. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where the codes of a block lie, its high bits apart, for formats that have other packed fields beside them. */
function codesOf({ fields, blockBytes }: SupportedFormat): Span | undefined {
  const codes = fields(new Uint8Array(blockBytes)).find(({ name }) => name === 'qs' || name === 'ql');
  return codes && { from: codes.offset, to: codes.offset + codes.length };
}

export const PACKED_CARRIED_AS_FLOATS: Hypothesis = {
  id: 'packed-carried-as-floats',
  title: 'packed bits are carried through floating-point registers',
  explanation:
    'Words of packed codes are no floats. Loaded as f16 or f32 those that look like NaN may be replaced by one NaN, and ' +
    'those that look subnormal by zero: a few codes of some blocks change, all others are exact.',
  whereToLook:
    'The types of buffers and variables that hold packed blocks: integers everywhere (u32 and bitcasts in WGSL).',
  citations: ['ggml-org/llama.cpp#21521'],
  catalogue: [11],
  generality: 1,
  *variants(site) {
    const type = weightTypeOf(site);
    if (!type) return;
    const format = supportedFormat(type);
    const { blockBytes, family, blockElements } = format;
    if (family === 'integer') return;
    const codes = codesOf(format);
    for (const way of WAYS) {
      // words begin where blocks do; single floats of that width are themselves
      if (blockBytes % way.bytes !== 0 || blockBytes === way.bytes) continue;
      if (blockElements === 1 && way.bytes === 4) continue;
      const whole = { from: 0, to: blockBytes };
      yield decoderVariant(way.label, { words: way.label }, type, () => carried(format, way, whole));
      if (!codes || codes.from % way.bytes !== 0) continue;
      const parameters = { words: way.label, of: 'codes only' };
      yield decoderVariant(`${way.label}, codes only`, parameters, type, () => carried(format, way, codes));
    }
  },
};
