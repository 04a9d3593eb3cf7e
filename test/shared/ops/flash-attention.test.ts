import { describe, expect, it } from 'vitest';
import type { Dims } from '../../../src/shared/graph/graph';
import { build, complaint, elementAt, floatBits, gappedStrides, nmse, randomValues, runOp, tensor } from './op-helpers';

/** Channels of q and k, of v; keys; tokens; heads, of which two share k and v; batches. */
const [N, NV, KEYS, TOKENS, HEADS, BATCHES] = [8, 5, 7, 3, 4, 2];
const qNe: Dims = [N, TOKENS, HEADS, BATCHES];
const kNe: Dims = [N, KEYS, 2, BATCHES];
const vNe: Dims = [NV, KEYS, 2, BATCHES];
const ne: Dims = [NV, HEADS, TOKENS, BATCHES];
const maskNe: Dims = [KEYS, TOKENS, 1, 1];
const SCALE = Math.fround(0.7);

const values = (of: Dims, seed: number): Float32Array =>
  randomValues(of[0] * of[1] * of[2] * of[3], seed).map((x) => 3 * Math.sin(1e4 * x));
const [q, k, v] = [values(qNe, 1), values(kNe, 2), values(vNe, 3)];

interface Extra {
  readonly mask?: readonly number[];
  readonly maxBias?: number;
  readonly softcap?: number;
  readonly sinks?: readonly number[];
}

function run(arithmetic: 'exact' | 'ggml', e: Extra): Float32Array {
  const src = [
    tensor(qNe, q, { nb: gappedStrides('F32', qNe), offset: 4 }),
    tensor(kNe, k, { nb: gappedStrides('F32', kNe) }),
    tensor(vNe, v, { nb: gappedStrides('F32', vNe), offset: 8 }),
    e.mask && tensor(maskNe, e.mask, { type: 'F16' }),
    e.sinks && tensor([HEADS, 1, 1, 1], e.sinks),
  ];
  const params = [SCALE, e.maxBias ?? 0, e.softcap ?? 0].map(floatBits);
  return runOp({ kind: 'FLASH_ATTN_EXT', ne, src, params, arithmetic });
}

/** The formula, element by element. */
function expected(e: Extra): Float32Array {
  return build(ne, ([d, h, t, b]) => {
    const kv = Math.floor(h / 2);
    const z = Array.from({ length: KEYS }, (_, j) => {
      let dot = 0;
      for (let i = 0; i < N; i++) dot += elementAt(q, qNe, [i, t, h, b]) * elementAt(k, kNe, [i, j, kv, b]);
      const score = e.softcap ? e.softcap * Math.tanh((dot * SCALE) / e.softcap) : dot * SCALE;
      const slope = e.maxBias ? 2 ** ((-e.maxBias / HEADS) * (h + 1)) : 1;
      return score + (e.mask ? slope * elementAt(e.mask, maskNe, [j, t, 0, 0]) : 0);
    });
    const powers = z.map(Math.exp);
    const sum = powers.reduce((a, p) => a + p, e.sinks ? Math.exp(e.sinks[h]!) : 0);
    return sum === 0 ? 0 : powers.reduce((a, p, j) => a + p * elementAt(v, vNe, [d, j, kv, b]), 0) / sum;
  });
}

const mask = Array.from({ length: KEYS * TOKENS }, (_, i) => (i % 4 === 0 ? -Infinity : -(i % 3) / 2));

describe.each(['exact', 'ggml'] as const)('FLASH_ATTN_EXT in %s arithmetic', (arithmetic) => {
  it.each<[string, Extra]>([
    ['without a mask', {}],
    ['with a mask', { mask }],
    ['ALiBi', { mask, maxBias: 4 }],
    ['a softcap', { mask, softcap: 3 }],
    ['sinks', { sinks: [1, -40, 30, -Infinity] }],
    ['all of them', { mask, maxBias: 1, softcap: 5, sinks: [0, 1, 2, 3] }],
    ['tokens that see nothing', { mask: mask.map((m, i) => (i < KEYS ? -Infinity : m)) }],
  ])('%s', (_name, e) => {
    expect(nmse(run(arithmetic, e), expected(e))).toBeLessThan(arithmetic === 'exact' ? 1e-14 : 1e-12);
  });
});

describe('the shape rule', () => {
  const why = (change: { k?: Dims; v?: Dims; mask?: Dims; precision?: number; maxBias?: number }): string | undefined =>
    complaint({
      kind: 'FLASH_ATTN_EXT',
      ne,
      src: [
        tensor(qNe, []),
        tensor(change.k ?? kNe, []),
        tensor(change.v ?? vNe, []),
        change.mask && tensor(change.mask, []),
      ],
      params: [floatBits(1), floatBits(change.maxBias ?? 0), 0, change.precision ?? 0],
    });

  it('takes what fits', () => {
    expect(why({})).toBeUndefined();
    expect(why({ mask: [KEYS, 32, 2, 1], precision: 10 })).toBeUndefined();
  });

  it('says what does not', () => {
    expect(why({ k: [N, KEYS, 3, BATCHES] })).toContain('k [8, 7, 3, 2] does not fit q [8, 3, 4, 2]');
    expect(why({ v: [NV, KEYS + 1, 2, BATCHES] })).toContain('v [5, 8, 2, 2] does not fit k [8, 7, 2, 2]');
    expect(why({ mask: [KEYS, TOKENS - 1, 1, 1] })).toContain('a mask of [7, 2, 1, 1] for 7 keys');
    expect(why({ maxBias: 1 })).toContain('max_bias without a mask');
    expect(why({ precision: 3 })).toContain('precision 3');
  });
});
