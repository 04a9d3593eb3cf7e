import { describe, expect, it } from 'vitest';
import { f16ToF32 } from '../../../../../src/shared/base/float-bits';
import { CODEBOOK_VALUES } from '../../../../../src/shared/diagnosis/hypotheses/weights/codebook-values';
import { WEIGHT_HYPOTHESES } from '../../../../../src/shared/diagnosis/hypotheses/weights/list';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import { tensorOf } from '../../../../../src/shared/graph/graph';
import { GgmlType } from '../../../../../src/shared/quant/ggml-type';
import type { GgmlTypeName } from '../../../../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../../../../src/shared/quant/registry';
import { GraphBuilder, weightsOf } from '../../../ops/graph-builder';
import type { Tried } from '../../try-hypothesis';
import { bestOf, siteOf } from '../../try-hypothesis';
import { expectExplainedAt } from './try-weights';
import type { MatMul } from './weight-fixture';
import { decoded, matMul, matMulSite, perBlock, productWith, unrelated } from './weight-fixture';

const TYPES = (Object.keys(GgmlType) as GgmlTypeName[]).filter((type) => {
  const { family } = supportedFormat(type);
  return family !== 'integer' && family !== 'activation' && type !== 'F64';
});

interface Found extends Tried {
  readonly id: string;
  readonly generality: number;
}

/** Every hypothesis that explains anything; those that explain it all by how much they say. */
async function allThatExplain(site: Site): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const hypothesis of WEIGHT_HYPOTHESES) {
    const best = await bestOf(hypothesis, site);
    if (best) found.push({ ...best, id: hypothesis.id, generality: hypothesis.generality });
  }
  return found.sort((a, b) => (Math.abs(a.share - b.share) < 0.01 ? a.generality - b.generality : b.share - a.share));
}

const half = (b: Uint8Array, at: number): number => f16ToF32(b[at]! + 256 * b[at + 1]!);
const nibble = (byte: number, high: boolean): number => (high ? Math.floor(byte / 16) : byte % 16);
const rightOf = (m: MatMul, f: (x: number, e: number) => number): Float32Array =>
  decoded(m).map((x, i) => f(x, i % m.k));

describe('the weight hypotheses together', () => {
  it('have ids of their own and say what they are', () => {
    expect(new Set(WEIGHT_HYPOTHESES.map((h) => h.id)).size).toBe(WEIGHT_HYPOTHESES.length);
    for (const h of WEIGHT_HYPOTHESES) {
      expect(h.id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      for (const c of h.citations) expect(c).toMatch(/^[\w.-]+\/[\w.-]+#\d+$/);
    }
  });

  it.each(TYPES)('%s: explain nothing of an error that no mistake in the weight makes', async (type) => {
    const k = supportedFormat(type).blockElements === 1 ? 96 : 512;
    const m = matMul(type, k, 40);
    const site = matMulSite(m, undefined);
    for (const { id, share } of await allThatExplain({ ...site, wrong: unrelated(site.right) })) {
      expect([id, share < 0.5]).toEqual([id, true]);
    }
  });

  it('do not apply to other nodes', () => {
    const g = new GraphBuilder();
    const a = g.leaf('input', 'a', [32, 4, 1, 1]);
    const b = g.leaf('input', 'b', [32, 3, 1, 1]);
    const ids = [
      g.node('scores', 'MUL_MAT', [4, 3, 1, 1], [a, b]),
      g.node('sum', 'ADD', [32, 4, 1, 1], [a, g.leaf('weight', 'w', [32, 1, 1, 1])]),
    ];
    const graph = g.build();
    const weights = weightsOf({ w: { type: 'F32', ne: [32, 1, 1, 1], bytes: new Uint8Array(128) } });
    for (const [i, id] of ids.entries()) {
      const sources = [new Float32Array(128), i === 0 ? new Float32Array(96) : undefined];
      const site = siteOf({ graph, node: tensorOf(graph, id), sources, weights });
      expect(WEIGHT_HYPOTHESES.flatMap((h) => [...h.variants(site)])).toEqual([]);
    }
  });

  it.each<[string, GgmlTypeName, (m: MatMul) => Float32Array]>([
    ['block-min', 'Q4_1', (m) => perBlock(m, (b, e) => half(b, 0) * nibble(b[4 + (e % 16)]!, e >= 16))],
    ['code-offset', 'Q4_0', (m) => perBlock(m, (b, e) => half(b, 0) * nibble(b[2 + (e % 16)]!, e >= 16))],
    ['code-order', 'Q4_0', (m) => perBlock(m, (b, e) => half(b, 0) * (nibble(b[2 + (e >> 1)]!, e % 2 === 1) - 8))],
    ['code-offset', 'Q8_0', (m) => perBlock(m, (b, e) => half(b, 0) * b[2 + e]!)],
    ['sum-tail-dropped', 'Q8_0', (m) => rightOf(m, (x, e) => (e < 128 ? x : 0))],
    [
      'scale-read-as-another-float',
      'Q5_0',
      (m) => {
        const right = decoded(m);
        return perBlock(m, (b, e, index, row) => right[row * m.k + 32 * index + e]! * (half(b, 0) < 0 ? -1 : 1));
      },
    ],
  ])('name %s first (%s)', async (id, type, plant) => {
    const m = matMul(type, 160, 40);
    const [first] = await allThatExplain(matMulSite(m, productWith(m, plant(m))));
    expect(first?.id).toBe(id);
    expect(first?.share).toBeGreaterThan(0.99);
  });
});

describe('experts', () => {
  const [k, rows, experts, tokens] = [64, 24, 3, 4];

  /** MUL_MAT_ID: two of three experts per token. */
  function expertSite(values: (m: MatMul) => Float32Array): Site {
    const m = matMul('MXFP4', k, rows * experts, tokens);
    const ids = Float32Array.of(0, 2, 1, 0, 2, 1, 0, 1);
    const g = new GraphBuilder();
    const w = g.leaf('weight', 'blk.0.ffn_up_exps.weight', [k, rows, experts, 1], 'MXFP4');
    const x = g.leaf('input', 'x', [k, 1, tokens, 1]);
    const chosen = g.leaf('input', 'ids', [2, tokens, 1, 1], 'I32');
    const id = g.node('up', 'MUL_MAT_ID', [rows, 2, tokens, 1], [w, x, chosen]);
    const graph = g.build();
    const tensor = { type: 'MXFP4', ne: [k, rows, experts, 1], bytes: m.bytes } as const;
    const wrongValues = values(m);
    const wrong = Float32Array.from({ length: rows * 2 * tokens }, (_, i) => {
      const [r, slot, t] = [i % rows, Math.floor(i / rows) % 2, Math.floor(i / (2 * rows))];
      const from = (ids[2 * t + slot]! * rows + r) * k;
      let sum = 0;
      for (let j = 0; j < k; j++) sum += wrongValues[from + j]! * m.x[t * k + j]!;
      return sum;
    });
    const weights = weightsOf({ 'blk.0.ffn_up_exps.weight': tensor });
    return siteOf({ graph, node: tensorOf(graph, id), sources: [undefined, m.x, ids], weights, wrong });
  }

  it('a wrong value of the table is solved over the chosen ones', async () => {
    const site = expertSite((m) => {
      const right = decoded(m);
      return perBlock(m, (b, e, index, row) => {
        const x = right[row * k + 32 * index + e]!;
        return nibble(b[1 + (e % 16)]!, e >= 16) === 7 ? (x * 10) / 12 : x;
      });
    });
    const best = await expectExplainedAt(CODEBOOK_VALUES, site);
    expect(best.parameters).toMatchObject({ code: 'code 7', value: 10, right: 12 });
  });

  it('a mistake in decoding is found in all of them', async () => {
    const site = expertSite((m) => decoded(m).map((x) => x / 2));
    const [first] = await allThatExplain(site);
    expect(first).toMatchObject({ id: 'scale-read-as-another-float', label: 'half as large' });
  });
});
