import { describe, expect, it } from 'vitest';
import { ATTENTION_SCALE } from '../../../../../src/shared/diagnosis/hypotheses/attention/attention-scale';
import { ATTENTION_MASK } from '../../../../../src/shared/diagnosis/hypotheses/attention/attention-mask';
import {
  ATTENTION_SOFTCAP,
  ATTENTION_SOFTCAP_VALUE,
} from '../../../../../src/shared/diagnosis/hypotheses/attention/attention-softcap';
import { GQA_HEAD_MAP, GQA_HEADS } from '../../../../../src/shared/diagnosis/hypotheses/attention/gqa-heads';
import { HALF_RESULTS } from '../../../../../src/shared/diagnosis/hypotheses/attention/half-results';
import { HALF_SUMS } from '../../../../../src/shared/diagnosis/hypotheses/attention/half-sums';
import { HEAD_LAYOUT } from '../../../../../src/shared/diagnosis/hypotheses/attention/head-layout';
import { HEAD_ORDER } from '../../../../../src/shared/diagnosis/hypotheses/attention/head-order';
import { MASKED_ROWS } from '../../../../../src/shared/diagnosis/hypotheses/attention/masked-rows';
import { PARTIAL_SUMS } from '../../../../../src/shared/diagnosis/hypotheses/attention/partial-sums';
import { STRIDES_IGNORED } from '../../../../../src/shared/diagnosis/hypotheses/attention/strides-ignored';
import { VALUE_TRANSPOSE } from '../../../../../src/shared/diagnosis/hypotheses/attention/value-transpose';
import { tensorOf } from '../../../../../src/shared/graph/graph';
import { f32Bytes, GraphBuilder, weightsOf } from '../../../ops/graph-builder';
import { floatBits } from '../../../ops/op-helpers';
import { siteOf } from '../../try-hypothesis';
import { expectNamed, spread, tried, withWrong } from './planted';
import type { ProductSpec } from './product-sites';
import { flashSite, inOrder, plantedFlash, plantedProduct, productSite } from './product-sites';

const GROUPED: ProductSpec['sizes'] = [12, 7, 5, 3, 6];
const grouped = productSite({ sizes: GROUPED });

describe('grouped-query attention', () => {
  it('is planted as the reference computes it', () => {
    const planted = plantedProduct(grouped, GROUPED);
    expect(Math.max(...planted.map((p, i) => Math.abs(p - grouped.site.right[i]!)))).toBeLessThan(1e-6);
  });

  it.each([
    ['tiled: h % n_kv', (h: number) => h % 3, '0, 1, 2, 0, 1, 2'],
    ['all read K head 0', () => 0, '0, 0, 0, 0, 0, 0'],
    ['divided by n_kv', (h: number) => Math.floor(h / 3), '0, 0, 0, 1, 1, 1'],
  ])('%s', async (label, kvOf, kvHeads) => {
    const wrong = plantedProduct(grouped, GROUPED, kvOf);
    await expectNamed(GQA_HEADS, {
      site: grouped.site,
      wrong,
      label,
      parameters: { kvHeads, right: '0, 0, 1, 1, 2, 2' },
    });
  });

  it('any other map is found head by head', async () => {
    const map = [1, 0, 1, 2, 2, 0];
    const wrong = plantedProduct(grouped, GROUPED, (h) => map[h]!);
    await expectNamed(GQA_HEAD_MAP, { site: grouped.site, wrong, parameters: { kvHeads: '1, 0, 1, 2, 2, 0' } });
  });

  it('query heads in another order', async () => {
    const right = plantedProduct(grouped, GROUPED);
    const wrong = right.map((_, i) => {
      const place = Math.floor(i / 35);
      return right[((place % 3) * 2 + Math.floor(place / 3)) * 35 + (i % 35)]!;
    });
    await expectNamed(GQA_HEADS, { site: grouped.site, wrong, label: 'query heads ordered by group, then K head' });
  });

  it('in flash attention', async () => {
    const sees = (token: number, key: number): boolean => key <= token + 4;
    const flash = flashSite(sees);
    const right = plantedFlash(flash, sees);
    expect(Math.max(...right.map((p, i) => Math.abs(p - flash.site.right[i]!)))).toBeLessThan(1e-6);
    const wrong = plantedFlash(flash, sees, { kvOf: (h) => h % 2 });
    await expectNamed(GQA_HEADS, { site: flash.site, wrong, label: 'tiled: h % n_kv' });
  });
});

describe('flash attention', () => {
  const sees = (token: number, key: number): boolean => key <= token + 4;

  it('scale, mask and softcap', async () => {
    const flash = flashSite(sees);
    const unscaled = plantedFlash(flash, sees, { cap: (s) => 2 * s });
    await expectNamed(ATTENTION_SCALE, {
      site: flash.site,
      wrong: unscaled,
      label: 'none',
      parameters: { right: 0.5 },
    });
    const open = plantedFlash(flash, (token, key) => key <= token + 5);
    await expectNamed(ATTENTION_MASK, { site: flash.site, wrong: open, label: 'sees one key too many' });
    const capped = flashSite(sees, 2);
    const uncapped = plantedFlash(capped, sees);
    await expectNamed(ATTENTION_SOFTCAP, { site: capped.site, wrong: uncapped, label: 'no softcap' });
    const other = plantedFlash(capped, sees, { cap: (x) => 4 * Math.tanh(x / 4) });
    const found = await tried(ATTENTION_SOFTCAP_VALUE, withWrong(capped.site, other));
    expect(found.share).toBeGreaterThan(0.999);
    expect(found.parameters['softcap']).toBeCloseTo(4, 2);
  });

  it('NaN in rows that see nothing', async () => {
    const blindly = (token: number, key: number): boolean => token !== 2 && sees(token, key);
    const flash = flashSite(blindly);
    const wrong = plantedFlash(flash, blindly, { blind: NaN });
    expect(await tried(MASKED_ROWS, withWrong(flash.site, wrong))).toMatchObject({
      share: 1,
      label: 'NaN in masked rows',
    });
  });
});

describe('sums of a mat-mul', () => {
  const sizes: ProductSpec['sizes'] = [75, 9, 4, 1, 1];
  const site = productSite({ sizes });

  it.each([
    ['the first 41 terms', (terms: readonly number[]) => inOrder(terms.slice(0, 41))],
    ['from term 10 on', (terms: readonly number[]) => inOrder(terms.slice(10))],
    ['the first 64 terms', (terms: readonly number[]) => inOrder(terms.slice(0, 64))],
    ['5 of every 16 terms', (terms: readonly number[]) => inOrder(terms.filter((_, k) => k % 16 < 5))],
  ])('%s', async (label, add) => {
    const wrong = plantedProduct(site, sizes, () => 0, add);
    await expectNamed(PARTIAL_SUMS, { site: site.site, wrong, label });
  });

  it('with a weight', async () => {
    const g = new GraphBuilder();
    const w = g.leaf('weight', 'w', [40, 6, 1, 1]);
    const x = g.node('x', 'ADD', [40, 3, 1, 1], []);
    const graph = g.build();
    const node = { ...tensorOf(graph, x), key: 'y', kind: 'MUL_MAT', ne: [6, 3, 1, 1], src: [w, x] } as const;
    const [vw, vx] = [spread(240, 8), spread(120, 9)];
    const weights = weightsOf({ w: { type: 'F32', ne: [40, 6, 1, 1], bytes: f32Bytes([...vw]) } });
    const own = siteOf({ graph, node, sources: [undefined, vx], weights });
    const wrong = plantedProduct(
      { site: own, a: vw, b: vx },
      [40, 6, 3, 1, 1],
      () => 0,
      (t) => inOrder(t.slice(0, 33)),
    );
    await expectNamed(PARTIAL_SUMS, { site: own, wrong, label: 'the first 33 terms' });
  });

  const half = (x: number): number => {
    if (x === 0 || !Number.isFinite(x)) return x;
    const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(x)))) - 10);
    const [down, rest] = [Math.floor(x / step), x / step - Math.floor(x / step)];
    const code = rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down;
    return Math.abs(code * step) > 65504 ? Math.sign(x) * Infinity : code * step;
  };

  it('in f16, one after another or in chunks', async () => {
    const each = plantedProduct(
      site,
      sizes,
      () => 0,
      (t) => t.reduce((s, x) => half(s + x), 0),
    );
    await expectNamed(HALF_SUMS, { site: site.site, wrong: each, label: 'sums in f16' });
    const chunks = plantedProduct(
      site,
      sizes,
      () => 0,
      (t) => {
        let sum = 0;
        for (let k = 0; k < t.length; k += 16) sum = half(sum + inOrder(t.slice(k, k + 16)));
        return sum;
      },
    );
    await expectNamed(HALF_SUMS, { site: site.site, wrong: chunks, label: 'sums of 16 terms in f32, added in f16' });
  });

  it('past the range of f16, in the sum and in the store', async () => {
    const large = productSite({ sizes, size: 150 });
    const summed = plantedProduct(
      large,
      sizes,
      () => 0,
      (t) => t.reduce((s, x) => half(s + x), 0),
    );
    expect(summed.some((x) => !Number.isFinite(x))).toBe(true);
    await expectNamed(HALF_SUMS, { site: large.site, wrong: summed, label: 'sums in f16' });
    const stored = plantedProduct(large, sizes).map(half);
    await expectNamed(HALF_RESULTS, { site: large.site, wrong: stored, label: 'f16' });
    const saturated = stored.map((x) => Math.max(-65504, Math.min(65504, x)));
    // sums that saturate on their way end at nearly the same values
    const synonyms = ['f16-accumulation'];
    await expectNamed(HALF_RESULTS, { site: large.site, wrong: saturated, label: 'f16, saturating', synonyms });
  });
});

describe('views and heads', () => {
  it('a permuted source read in memory order', async () => {
    // memory holds [channels, heads, tokens]; the view is [channels, tokens, heads]
    const sizes: ProductSpec['sizes'] = [6, 7, 5, 3, 3];
    const own = productSite({ sizes, nbB: [4, 72, 24, 360] });
    const memory = new Float32Array(90);
    own.b.forEach((x, i) => (memory[(i % 6) + 18 * (Math.floor(i / 6) % 5) + 6 * Math.floor(i / 30)] = x));
    const wrong = plantedProduct({ ...own, b: memory }, sizes);
    await expectNamed(STRIDES_IGNORED, { site: own.site, wrong, label: 'strides of source 1 ignored' });
  });

  it('Q in a fused Q, K and V, read without its strides or its offset', async () => {
    // rows of 30: Q 12 (2 heads of 6), K 12, V 6; K is the view
    const g = new GraphBuilder();
    const qkv = g.node('qkv', 'ADD', [30, 4, 1, 1], []);
    const view = g.node('view', 'VIEW', [6, 2, 4, 1], [qkv], { nb: [4, 24, 120, 480], viewOf: qkv, viewOffs: 48 });
    const id = g.node('norm', 'RMS_NORM', [6, 2, 4, 1], [view], { params: [floatBits(1e-6)] });
    const graph = g.build();
    const memory = spread(120, 50);
    const read = (first: number, row: number) =>
      memory.slice(0, 48).map((_, i) => memory[first + Math.floor(i / 12) * row + (i % 12)]!);
    const normed = (x: Float32Array): Float32Array =>
      x.map((v, i) => {
        const own = x.subarray(i - (i % 6), i - (i % 6) + 6);
        return v / Math.sqrt(own.reduce((s, y) => s + y * y, 0) / 6 + 1e-6);
      });
    const site = siteOf({ graph, node: tensorOf(graph, id), sources: [read(12, 30)], memories: [memory] });
    const dense = normed(read(12, 12));
    await expectNamed(STRIDES_IGNORED, { site, wrong: dense, label: 'strides of source 0 ignored' });
    const fromStart = normed(read(0, 30));
    await expectNamed(STRIDES_IGNORED, { site, wrong: fromStart, label: 'offset of source 0 ignored' });
  });

  it('V read without its transpose', async () => {
    const sizes: ProductSpec['sizes'] = [10, 4, 5, 2, 4];
    const own = productSite({ sizes });
    const stored = new Float32Array(own.a.length);
    // [head_dim 4, keys 10] per head, read as [keys, head_dim]
    own.a.forEach((x, i) => (stored[Math.floor(i / 40) * 40 + Math.floor((i % 40) / 10) + 4 * (i % 10)] = x));
    const wrong = plantedProduct({ ...own, a: stored }, sizes);
    await expectNamed(VALUE_TRANSPOSE, { site: own.site, wrong, label: 'not transposed' });
  });

  const merge = (nb: readonly [number, number, number, number]) => {
    const g = new GraphBuilder();
    const kqv = g.node('kqv', 'ADD', [6, 5, 3, 1], []);
    const view = g.node('view', 'PERMUTE', [6, 3, 5, 1], [kqv], { nb, viewOf: kqv });
    const id = g.node('kqv_out', 'CONT', [18, 5, 1, 1], [view]);
    const graph = g.build();
    const x = spread(90, 12);
    return { x, site: siteOf({ graph, node: tensorOf(graph, id), sources: [x] }) };
  };

  it('heads merged without the permute, or channel by channel', async () => {
    const { x, site } = merge([4, 120, 24, 360]);
    // memory: [channel, token, head]
    const memory = new Float32Array(90);
    x.forEach((v, i) => (memory[(i % 6) + 6 * Math.floor(i / 18) + 30 * (Math.floor(i / 6) % 3)] = v));
    await expectNamed(STRIDES_IGNORED, { site, wrong: memory, label: 'strides of source 0 ignored' });
    const mixed = x.map((_, i) => x[i - (i % 18) + (i % 3) * 6 + Math.floor((i % 18) / 3)]!);
    await expectNamed(HEAD_ORDER, { site, wrong: mixed, label: 'merged with the head as the fastest index' });
  });

  it('rows of a projection in half-split order, where a ROPE follows', async () => {
    const g = new GraphBuilder();
    const w = g.leaf('weight', 'w', [10, 16, 1, 1]);
    const x = g.node('x', 'ADD', [10, 4, 1, 1], []);
    const y = g.node('y', 'MUL_MAT', [16, 4, 1, 1], [w, x]);
    const view = g.node('view', 'RESHAPE', [8, 2, 4, 1], [y], { viewOf: y });
    const pos = g.leaf('input', 'pos', [4, 1, 1, 1], 'I32');
    g.node('q', 'ROPE', [8, 2, 4, 1], [view, pos], { params: [0, 8, 0, 0, 0, floatBits(1e4), floatBits(1)] });
    const graph = g.build();
    const [vw, vx] = [spread(160, 20), spread(40, 21)];
    const weights = weightsOf({ w: { type: 'F32', ne: [10, 16, 1, 1], bytes: f32Bytes([...vw]) } });
    const site = siteOf({ graph, node: tensorOf(graph, y), sources: [undefined, vx], weights });
    const right = site.right;
    const wrong = right.map((_, i) => right[i - (i % 8) + ((i % 8) % 4) * 2 + Math.floor((i % 8) / 4)]!);
    await expectNamed(HEAD_LAYOUT, { site, wrong, label: 'half-split for interleaved, in the projection' });
  });
});

describe('the softcap of scores', () => {
  const chain = () => {
    const g = new GraphBuilder();
    const ne = [9, 5, 2, 1] as const;
    const kq = g.node('kq', 'ADD', ne, []);
    const before = g.node('before', 'SCALE', ne, [kq], { params: [floatBits(1 / 50), 0] });
    const tanh = g.node('tanh', 'UNARY', ne, [before], { kind: 'TANH', params: [4] });
    const after = g.node('after', 'SCALE', ne, [tanh], { params: [floatBits(50), 0] });
    g.node('p', 'SOFT_MAX', ne, [after], { params: [floatBits(1), 0] });
    const graph = g.build();
    const node = (id: typeof kq) => tensorOf(graph, id);
    return { graph, before: node(before), tanh: node(tanh), after: node(after) };
  };

  it('skipped at its tanh, and with another cap at both scales', async () => {
    const { graph, before, tanh, after } = chain();
    const x = spread(90, 30, 2);
    const site = siteOf({ graph, node: tanh, sources: [x] });
    await expectNamed(ATTENTION_SOFTCAP, { site, wrong: x, label: 'no softcap' });
    const first = siteOf({ graph, node: before, sources: [x] });
    const other = await tried(
      ATTENTION_SOFTCAP_VALUE,
      withWrong(
        first,
        x.map((v) => v / 30),
      ),
    );
    expect(other).toMatchObject({ parameters: { softcap: 30, right: 50 } });
    const last = siteOf({ graph, node: after, sources: [x] });
    const cap = await tried(
      ATTENTION_SOFTCAP_VALUE,
      withWrong(
        last,
        x.map((v) => v * 30),
      ),
    );
    expect(cap).toMatchObject({ parameters: { softcap: 30, right: 50 } });
    expect([...ATTENTION_SCALE.variants(last)]).toEqual([]);
  });
});
