import type { Hypothesis, Variant } from '../../hypothesis';
import { cacheWriteOf, written } from './cache-site';
import { narrowed, toBf16, toF16 } from '../../narrow-floats';

/** Rows are quantized in blocks of 32. */
const BLOCK = 32;

export const CACHE_PRECISION: Hypothesis = {
  id: 'cache-precision',
  title: 'keys or values are cached in a coarser type',
  explanation:
    'K and V are rounded when they are cached. A quantized or 8-bit cache where the run has f16 adds an error of its own ' +
    'to every score and every value.',
  whereToLook: 'The types of the K and V cache in your engine, and of buffers between projection and cache.',
  citations: ['ggml-org/llama.cpp#14822'],
  catalogue: [43],
  generality: 1,
  rounds: ({ cache }) => ({ part: 'cache', to: cache === 'bf16' ? 'BF16' : cache === 'Q4_0' ? 'Q4' : 'Q8' }),
  *variants(site) {
    const write = cacheWriteOf(site);
    if (!write) return;
    yield cached('bf16', (rows) => narrowed(rows, toBf16));
    yield cached('f8 e4m3', (rows) => narrowed(rows, (x) => toF8(x, 3, 448)));
    yield cached('f8 e5m2', (rows) => narrowed(rows, (x) => toF8(x, 2, 57344)));
    if (write.width % BLOCK !== 0) return;
    yield cached('Q8_0', (rows) => inBlocks(rows, (max) => Math.abs(max) / 127, -127, 127));
    yield cached('Q4_0', (rows) => inBlocks(rows, (max) => max / -8, -8, 7));
  },
};

function cached(type: string, round: (rows: Float32Array) => Float32Array): Variant {
  return {
    label: type,
    parameters: { cache: type },
    predict: (s) => {
      const write = cacheWriteOf(s);
      return write ? written(s, write, round(write.rows), write.at) : s.right;
    },
  };
}

/** Rounded to `bits` mantissa bits, subnormals of f8 aside, saturating. */
function toF8(x: number, bits: number, largest: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const least = bits === 3 ? -6 : -14;
  const exponent = Math.max(least, Math.floor(Math.log2(Math.abs(x))));
  const step = 2 ** (exponent - bits);
  return Math.max(-largest, Math.min(largest, Math.round(x / step) * step));
}

/** Every 32 values as codes times an f16 scale. @param scaleOf of the value with the largest magnitude */
function inBlocks(rows: Float32Array, scaleOf: (max: number) => number, least: number, greatest: number): Float32Array {
  const out = new Float32Array(rows.length);
  for (let at = 0; at < rows.length; at += BLOCK) {
    let max = 0;
    for (let i = at; i < at + BLOCK; i++) if (Math.abs(rows[i] as number) > Math.abs(max)) max = rows[i] as number;
    const scale = scaleOf(max);
    const stored = toF16(scale);
    for (let i = at; i < at + BLOCK; i++) {
      const code = scale === 0 ? 0 : Math.max(least, Math.min(greatest, Math.round((rows[i] as number) / scale)));
      out[i] = code * stored;
    }
  }
  return out;
}
