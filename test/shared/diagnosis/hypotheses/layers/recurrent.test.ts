import { describe, expect, it } from 'vitest';
import { RECURRENCE, TOKEN_SHIFT } from '../../../../../src/shared/diagnosis/hypotheses/layers/recurrence';
import { SSM_CONVOLUTION, SSM_SCAN } from '../../../../../src/shared/diagnosis/hypotheses/layers/ssm';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { floatBits } from '../../../ops/op-helpers';
import { expectExplained, nodeSite, values } from './node-site';

describe('convolution', () => {
  const [TAPS, CHANNELS, TOKENS] = [4, 9, 6];
  const width = TAPS - 1 + TOKENS;
  const x = values(width * CHANNELS, 1);
  const w = values(TAPS * CHANNELS, 2);
  const site = nodeSite({
    op: 'SSM_CONV',
    ne: [CHANNELS, TOKENS, 1, 1],
    sources: [
      { name: 'x', ne: [width, CHANNELS, 1, 1], values: x },
      { name: 'blk.0.ssm_conv1d.weight', ne: [TAPS, CHANNELS, 1, 1], values: w, weight: true },
    ],
  });
  const convolved = (input: (t: number, c: number) => number, tap: (i: number, c: number) => number): number[] =>
    Array.from({ length: CHANNELS * TOKENS }, (_, at) => {
      const [c, t] = [at % CHANNELS, Math.floor(at / CHANNELS)];
      let sum = 0;
      for (let i = 0; i < TAPS; i++) sum += input(t + i, c) * tap(i, c);
      return sum;
    });
  const own = (t: number, c: number): number => (t < 0 || t >= width ? 0 : x[c * width + t]!);
  const ownTap = (i: number, c: number): number => w[c * TAPS + i]!;

  it.each<[string, readonly number[]]>([
    ['reversed', convolved(own, (i, c) => ownTap(TAPS - 1 - i, c))],
    ['one step early', convolved((t, c) => own(t - 1, c), ownTap)],
    ['state taken as zero', convolved((t, c) => (t < TAPS - 1 ? 0 : own(t, c)), ownTap)],
  ])('%s', async (label, wrong) => {
    await expectExplained(SSM_CONVOLUTION, site, wrong, label);
  });
});

describe('scan', () => {
  const [SIZE, CHANNELS, HEADS, TOKENS] = [5, 3, 4, 6];
  const GROUPS = 2;
  const state = values(SIZE * CHANNELS * HEADS, 3);
  const x = values(CHANNELS * HEADS * TOKENS, 4);
  const dt = values(HEADS * TOKENS, 5);
  const a = values(HEADS, 6).map((v) => -0.5 - Math.abs(v));
  const [b, c] = [values(SIZE * GROUPS * TOKENS, 7), values(SIZE * GROUPS * TOKENS, 8)];
  const count = CHANNELS * HEADS * (TOKENS + SIZE);
  const site = nodeSite({
    op: 'SSM_SCAN',
    ne: [count, 1, 1, 1],
    params: [1],
    sources: [
      { name: 's', ne: [SIZE, CHANNELS, HEADS, 1], values: state },
      { name: 'x', ne: [CHANNELS, HEADS, TOKENS, 1], values: x },
      { name: 'dt', ne: [HEADS, TOKENS, 1, 1], values: dt },
      { name: 'A', ne: [1, HEADS, 1, 1], values: a, weight: true },
      { name: 'B', ne: [SIZE, GROUPS, TOKENS, 1], values: b },
      { name: 'C', ne: [SIZE, GROUPS, TOKENS, 1], values: c },
      { name: 'ids', ne: [1, 1, 1, 1], values: Float32Array.of(0), type: 'I32' },
    ],
  });
  interface Ways {
    d?: (dt: number) => number;
    sign?: number;
    fresh?: boolean;
    group?: (h: number) => number;
  }
  /** One state after the other, token by token. */
  function scan({
    d = (v) => Math.log(1 + Math.exp(v)),
    sign = 1,
    fresh = false,
    group = (h) => h >> 1,
  }: Ways): number[] {
    const out = new Array<number>(count).fill(0);
    for (let h = 0; h < HEADS; h++) {
      for (let i = 0; i < CHANNELS; i++) {
        const from = (h * CHANNELS + i) * SIZE;
        const own = fresh ? new Array<number>(SIZE).fill(0) : [...state.subarray(from, from + SIZE)];
        for (let t = 0; t < TOKENS; t++) {
          const step = d(dt[t * HEADS + h]!);
          const at = (t * HEADS + h) * CHANNELS + i;
          for (let n = 0; n < SIZE; n++) {
            const bc = (t * GROUPS + group(h)) * SIZE + n;
            own[n] = own[n]! * Math.exp(sign * step * a[h]!) + b[bc]! * x[at]! * step;
            out[at]! += own[n]! * c[bc]!;
          }
        }
        own.forEach((v, n) => (out[CHANNELS * HEADS * TOKENS + from + n] = v));
      }
    }
    return out;
  }

  it('the plain one is the reference', () => {
    scan({}).forEach((v, i) => expect(site.right[i]).toBeCloseTo(v, 5));
  });

  it.each<[string, Ways]>([
    ['softplus of dt missing', { d: (v) => v }],
    ['sign of A', { sign: -1 }],
    ['state zero at the start', { fresh: true }],
    ['groups tiled instead of repeated', { group: (h) => h % GROUPS }],
  ])('%s', async (label, ways) => {
    await expectExplained(SSM_SCAN, site, scan(ways), label);
  });
});

describe('linear attention', () => {
  const [S, HEADS, TOKENS] = [4, 2, 5];
  const ne: Dims = [S * HEADS, TOKENS + S, 1, 1];
  const of = (seed: number): Float32Array => values(S * HEADS * TOKENS, seed);
  const [k, v, q] = [of(1), of(2), of(3)];
  const g = of(4).map((x) => 0.5 + 0.4 * x);
  const state = values(S * S * HEADS, 5);
  const shape: Dims = [S, HEADS, TOKENS, 1];
  const site = nodeSite({
    op: 'GATED_LINEAR_ATTN',
    ne,
    params: [floatBits(0.5)],
    sources: [
      { name: 'k', ne: shape, values: k },
      { name: 'v', ne: shape, values: v },
      { name: 'q', ne: shape, values: q },
      { name: 'g', ne: shape, values: g },
      { name: 's', ne: [S * S * HEADS, 1, 1, 1], values: state },
    ],
  });
  function attend(decay: (i: number) => number, first: (i: number) => number, scale: number): number[] {
    const out: number[] = new Array<number>(ne[0] * ne[1]).fill(0);
    for (let h = 0; h < HEADS; h++) {
      const m = Array.from({ length: S * S }, (_, i) => first(h * S * S + i));
      for (let t = 0; t < TOKENS; t++) {
        const at = (t * HEADS + h) * S;
        for (let i = 0; i < S; i++) {
          for (let j = 0; j < S; j++) {
            m[i * S + j] = m[i * S + j]! * decay(at + i) + k[at + i]! * v[at + j]!;
            out[at + j]! += m[i * S + j]! * q[at + i]! * scale;
          }
        }
      }
      m.forEach((x, i) => (out[S * HEADS * TOKENS + h * S * S + i] = x));
    }
    return out;
  }

  it('the plain one is the reference', () => {
    attend(
      (i) => g[i]!,
      (i) => state[i]!,
      0.5,
    ).forEach((x, i) => expect(site.right[i]).toBeCloseTo(x, 5));
  });

  it('without decay, state or scale', async () => {
    await expectExplained(
      RECURRENCE,
      site,
      attend(
        () => 1,
        (i) => state[i]!,
        0.5,
      ),
      'no decay',
    );
    await expectExplained(
      RECURRENCE,
      site,
      attend(
        (i) => g[i]!,
        () => 0,
        0.5,
      ),
      'state taken as zero',
    );
    await expectExplained(
      RECURRENCE,
      site,
      attend(
        (i) => g[i]!,
        (i) => state[i]!,
        1,
      ),
      'scale missing',
    );
  });
});

it('token shift missing or reversed', async () => {
  const ne: Dims = [11, 5, 1, 1];
  const [before, now] = [values(55, 6), values(55, 7)];
  const sources = [
    { name: 'x_prev', ne, values: before, by: 'CONCAT' as const },
    { name: 'x', ne, values: now },
  ];
  const site = nodeSite({ op: 'SUB', ne, sources });
  await expectExplained(TOKEN_SHIFT, site, new Float32Array(55), 'zero');
  await expectExplained(
    TOKEN_SHIFT,
    site,
    now.map((v, i) => v - before[i]!),
    'reversed',
  );
  const fresh = now.map((v, i) => (i < 11 ? 0 : before[i]!) - v);
  await expectExplained(TOKEN_SHIFT, site, fresh, 'state taken as zero');
});
