import { describe, expect, it } from 'vitest';
import { NORM_AXIS } from '../../../../../src/shared/diagnosis/hypotheses/layers/norm-axis';
import { NORM_EPSILON } from '../../../../../src/shared/diagnosis/hypotheses/layers/norm-epsilon';
import { NORM_FORMULA, NORM_KIND } from '../../../../../src/shared/diagnosis/hypotheses/layers/norm-formula';
import { NORM_PRECISION } from '../../../../../src/shared/diagnosis/hypotheses/layers/norm-precision';
import { NORM_OFFSET, NORM_WEIGHT } from '../../../../../src/shared/diagnosis/hypotheses/layers/norm-weight';
import { PARTIAL_SUM } from '../../../../../src/shared/diagnosis/hypotheses/layers/partial-sum';
import { QK_NORM_SKIPPED } from '../../../../../src/shared/diagnosis/hypotheses/layers/qk-norm';
import { f16ToF32, f32ToF16 } from '../../../../../src/shared/base/float-bits';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { floatBits } from '../../../ops/op-helpers';
import { bestOf } from '../../try-hypothesis';
import { expectExplained, nodeSite, values, withWrong } from './node-site';

const N = 71;
const ROWS = 5;
const EPS = Math.fround(1e-5);
const ne: Dims = [N, ROWS, 1, 1];
/** Small rows, of different sizes: epsilon matters. */
const x: Float32Array = values(N * ROWS, 3).map((v, i) => v * 0.01 * (1 + Math.floor(i / N)) + 0.002);

function norm(op: 'RMS_NORM' | 'NORM' | 'L2_NORM', input = x, shape = ne, eps = 1e-5): Site {
  return nodeSite({ op, ne: shape, params: [floatBits(eps)], sources: [{ name: 'x', ne: shape, values: input }] });
}

/** Every row by a function of its values. */
function byRow(row: (v: readonly number[]) => readonly number[], input = x, n = N): number[] {
  const out: number[] = [];
  for (let from = 0; from < input.length; from += n) out.push(...row([...input.subarray(from, from + n)]));
  return out;
}
const mean = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0) / v.length;
const square = (v: readonly number[]): number[] => v.map((a) => a * a);
const rms = (eps: number) => (v: readonly number[]) => v.map((a) => a / Math.sqrt(mean(square(v)) + eps));
const centred = (v: readonly number[]): number[] => v.map((a) => a - mean(v));

describe('epsilon', () => {
  it.each([1e-6, 3.3e-4, 1e-3])('is estimated: %d', async (eps) => {
    const tried = await expectExplained(NORM_EPSILON, norm('RMS_NORM'), byRow(rms(eps)), 'another');
    expect(Number(tried.parameters.epsilon) / eps).toBeCloseTo(1, 2);
    expect(tried.parameters.right).toBe(EPS);
  });

  it('may be missing, and applies to LayerNorm', async () => {
    await expectExplained(NORM_EPSILON, norm('RMS_NORM'), byRow(rms(0)), 'none');
    const layerNorm = (v: readonly number[]): number[] =>
      centred(v).map((a) => a / Math.sqrt(mean(square(centred(v))) + 1e-3));
    await expectExplained(NORM_EPSILON, norm('NORM'), byRow(layerNorm), 'another');
  });
});

describe('formula', () => {
  const cases: readonly [string, (v: readonly number[]) => readonly number[]][] = [
    ['epsilon added outside the root', (v) => v.map((a) => a / (Math.sqrt(mean(square(v))) + EPS))],
    ['no root', (v) => v.map((a) => a / (mean(square(v)) + EPS))],
    ['sum instead of mean', (v) => v.map((a) => a / Math.sqrt(mean(square(v)) * N + EPS))],
    ['divided by n − 1', (v) => v.map((a) => a / Math.sqrt((mean(square(v)) * N) / (N - 1) + EPS))],
    ['multiplied instead of divided', (v) => v.map((a) => a * Math.sqrt(mean(square(v)) + EPS))],
  ];
  it.each(cases)('RMS_NORM: %s', async (label, row) => {
    await expectExplained(NORM_FORMULA, norm('RMS_NORM'), byRow(row), label);
  });

  it('NORM: centred in one place only', async () => {
    const biased = x.map((v) => v + 0.05);
    const variance = (v: readonly number[]): number => mean(square(centred(v)));
    const notCentred = byRow((v) => v.map((a) => a / Math.sqrt(variance(v) + EPS)), biased);
    await expectExplained(NORM_FORMULA, norm('NORM', biased), notCentred, 'values not centred');
    const wide = byRow((v) => centred(v).map((a) => a / Math.sqrt(mean(square(v)) + EPS)), biased);
    await expectExplained(NORM_FORMULA, norm('NORM', biased), wide, 'variance not centred');
  });

  it('L2_NORM: mean instead of sum', async () => {
    const wrong = byRow((v) => v.map((a) => a / Math.sqrt(mean(square(v)))));
    await expectExplained(NORM_FORMULA, norm('L2_NORM'), wrong, 'mean instead of sum');
  });

  it('takes the divisor from another norm of the model', async () => {
    const site = nodeSite({
      op: 'RMS_NORM',
      ne,
      params: [floatBits(1e-5)],
      sources: [{ name: 'x', ne, values: x }],
      around: (g) => g.node('other', 'ROPE', [24, 2, 3, 1], []),
    });
    const wrong = byRow((v) => v.map((a) => a / Math.sqrt((mean(square(v)) * N) / 24 + EPS)));
    const tried = await expectExplained(NORM_FORMULA, site, wrong, 'divided by 24');
    expect(tried.parameters).toEqual({ divisor: 24, right: N });
  });
});

describe('kind', () => {
  it('LayerNorm for RMSNorm, the reverse, and none', async () => {
    const biased = x.map((v) => v + 0.03);
    const layer = byRow((v) => centred(v).map((a) => a / Math.sqrt(mean(square(centred(v))) + EPS)), biased);
    await expectExplained(NORM_KIND, norm('RMS_NORM', biased), layer, 'computed as NORM');
    await expectExplained(NORM_KIND, norm('NORM', biased), byRow(rms(EPS), biased), 'computed as RMS_NORM');
    await expectExplained(NORM_KIND, norm('RMS_NORM'), x, 'skipped');
  });
});

describe('axis', () => {
  const heads: Dims = [12, 3, 4, 1];
  const input = values(144, 9).map((v, i) => v * (1 + (i % 7)));
  it('all heads of a token, the whole tensor, the first row, along the rows', async () => {
    const site = norm('RMS_NORM', input, heads);
    await expectExplained(NORM_AXIS, site, byRow(rms(EPS), input, 36), 'all heads of a token');
    await expectExplained(NORM_AXIS, site, byRow(rms(EPS), input, 144), 'the whole tensor');
    const first = Math.sqrt(mean(square([...input.subarray(0, 12)])) + EPS);
    await expectExplained(
      NORM_AXIS,
      site,
      input.map((v) => v / first),
      'the first row',
    );
    const column = (c: number): number[] => [...input].filter((_, i) => i % 12 === c);
    const along = input.map((v, i) => v / Math.sqrt(mean(square(column(i % 12))) + EPS));
    await expectExplained(NORM_AXIS, site, along, 'along the rows');
  });
});

describe('precision', () => {
  it('a sum of squares past f16 gives zeros', async () => {
    const large = values(N * ROWS, 5, 40).map((v, i) => (i < 2 * N ? v * 2 : v));
    const half = (v: number): number => f16ToF32(f32ToF16(v));
    const wrong = byRow((v) => {
      let sum = 0;
      for (const a of v) sum = half(sum + half(a * a));
      return v.map((a) => a / Math.sqrt(sum / N + EPS));
    }, large);
    expect(wrong.slice(0, N).every((v) => v === 0)).toBe(true);
    await expectExplained(NORM_PRECISION, norm('RMS_NORM', large), wrong, 'squares and sum in f16');
  });
});

describe('partial sum', () => {
  const n = 200;
  const shape: Dims = [n, 4, 1, 1];
  const input = values(n * 4, 21);
  const partial = (keeps: (i: number) => boolean) => (v: readonly number[]) =>
    v.map((a) => a / Math.sqrt(v.reduce((sum, b, i) => sum + (keeps(i) ? b * b : 0), 0) / n + EPS));

  it('estimates a prefix, and lanes of a group', async () => {
    const site = norm('RMS_NORM', input, shape);
    await expectExplained(
      PARTIAL_SUM,
      site,
      byRow(
        partial((i) => i < 137),
        input,
        n,
      ),
      'the first 137',
    );
    const lanes = byRow(
      partial((i) => i % 64 < 33),
      input,
      n,
    );
    const tried = await expectExplained(PARTIAL_SUM, site, lanes, 'the first 33 of every 64');
    expect(tried.parameters).toEqual({ summed: 33, ofEvery: 64, right: n });
  });

  it('knows the usual tail of a LayerNorm, and sums of rows', async () => {
    const wrong = byRow(
      (v) => {
        const c = centred(v);
        return c.map((a) => a / Math.sqrt(c.slice(0, 192).reduce((s, b) => s + b * b, 0) / n + EPS));
      },
      input,
      n,
    );
    await expectExplained(PARTIAL_SUM, norm('NORM', input, shape), wrong, 'the first 192');
    const sums = nodeSite({ op: 'SUM_ROWS', ne: [1, 4, 1, 1], sources: [{ name: 'x', ne: shape, values: input }] });
    const short = byRow((v) => [v.slice(0, 150).reduce((a, b) => a + b, 0)], input, n);
    const tried = await bestOf(PARTIAL_SUM, withWrong(sums, short));
    expect(tried?.label).toBe('the first 150');
    expect(tried?.share).toBeGreaterThan(0.99);
  });
});

describe('weight', () => {
  const w = values(N, 31).map((v) => v + 1.5);
  const normed = Float32Array.from(byRow(rms(EPS)));
  const others = { 'blk.1.ffn_norm.weight': values(N, 32), 'blk.0.attn_norm.weight': values(N, 33) };
  const weight = { name: 'blk.1.attn_norm.weight', ne: [N, 1, 1, 1] as Dims, values: w, weight: true as const };
  const site = nodeSite({
    op: 'MUL',
    ne,
    sources: [{ name: 'norm-1', ne, values: normed, by: 'RMS_NORM' }, weight],
    others,
  });
  const times = (factor: (channel: number, row: number) => number): Float32Array =>
    normed.map((v, i) => v * factor(i % N, Math.floor(i / N)));

  it('Gemma: 1 added twice or missing', async () => {
    await expectExplained(
      NORM_OFFSET,
      site,
      times((c) => w[c]! + 1),
      'added twice',
    );
    await expectExplained(
      NORM_OFFSET,
      site,
      times((c) => w[c]! - 1),
      'missing',
    );
  });

  it('none, squared, shifted, by row, of another norm or layer', async () => {
    await expectExplained(NORM_WEIGHT, site, normed, 'none');
    await expectExplained(
      NORM_WEIGHT,
      site,
      times((c) => w[c]! ** 2),
      'squared',
    );
    await expectExplained(
      NORM_WEIGHT,
      site,
      times((c) => w[(c + 1) % N]!),
      'shifted by one channel',
    );
    await expectExplained(
      NORM_WEIGHT,
      site,
      times((_, row) => w[row]!),
      'by row',
    );
    const ffn = times((c) => others['blk.1.ffn_norm.weight'][c]!);
    expect((await expectExplained(NORM_WEIGHT, site, ffn, 'of ffn_norm')).parameters.weight).toBe(
      'blk.1.ffn_norm.weight',
    );
    const before = times((c) => others['blk.0.attn_norm.weight'][c]!);
    await expectExplained(NORM_WEIGHT, site, before, 'of the layer before');
  });

  it('does not apply to a product that is no norm’s', () => {
    const plain = nodeSite({ op: 'MUL', ne, sources: [{ name: 'x', ne, values: x }, weight] });
    expect([...NORM_OFFSET.variants(plain), ...NORM_WEIGHT.variants(plain)]).toEqual([]);
  });
});

describe('norm of Q and K', () => {
  const shape: Dims = [16, 3, 4, 1];
  const q = values(192, 41);
  const w = values(16, 42).map((v) => v + 2);
  const weight = { name: 'blk.1.attn_q_norm.weight', ne: [16, 1, 1, 1] as Dims, values: w, weight: true as const };

  it('is skipped at the norm and at its weight alike', async () => {
    const at = nodeSite({
      op: 'RMS_NORM',
      ne: shape,
      params: [floatBits(1e-6)],
      sources: [{ name: 'Qcur', ne: shape, values: q }],
      around: (g, id) => g.node('Qcur_normed', 'MUL', shape, [id, g.leaf('weight', weight.name, weight.ne)]),
    });
    await expectExplained(QK_NORM_SKIPPED, at, q, 'both skipped');
    const mul = nodeSite({
      op: 'MUL',
      ne: shape,
      sources: [{ name: 'norm', ne: shape, values: q, by: 'RMS_NORM' }, weight],
    });
    expect([...QK_NORM_SKIPPED.variants(mul)].map((v) => v.label).slice(0, 2)).toEqual(['both skipped', 'Q skipped']);
  });

  it('uses the weight of the other', async () => {
    const k = values(16, 43);
    const sources = [{ name: 'norm', ne: shape, values: q, by: 'RMS_NORM' as const }, weight];
    const mul = nodeSite({ op: 'MUL', ne: shape, sources, others: { 'blk.1.attn_k_norm.weight': k } });
    const wrong = q.map((v, i) => v * k[i % 16]!);
    await expectExplained(QK_NORM_SKIPPED, mul, wrong, 'Q normalised with the other’s weight');
  });
});
