import { describe, expect, it } from 'vitest';
import { FUSED_NORM_INPUT } from '../../../../../src/shared/diagnosis/hypotheses/layers/fused-norm';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { tensorOf } from '../../../../../src/shared/graph/graph';
import { GraphBuilder } from '../../../ops/graph-builder';
import { floatBits } from '../../../ops/op-helpers';
import { siteOf } from '../../try-hypothesis';
import { expectExplained, unrelated, values, withWrong } from './node-site';

const [N, ROWS, EPS] = [37, 4, 1e-5];
const ne: Dims = [N, ROWS, 1, 1];
const branch = values(N * ROWS, 1, 0.3);
const stream = values(N * ROWS, 2).map((v) => v + 0.1);
const sum = stream.map((v, i) => v + branch[i]!);

interface Around {
  readonly op?: 'RMS_NORM' | 'NORM' | 'SQR';
  readonly by?: 'ADD' | 'MUL';
  /** The second term: a bias of the model, or one computed row, that is added to all rows. */
  readonly bias?: 'weight' | 'node';
  readonly earlier?: Readonly<Record<string, Float32Array>>;
}

/** The norm of attn_out + inpL, which the graph reads through a view. */
function site({ op = 'RMS_NORM', by = 'ADD', bias, earlier = { attn_out: branch, inpL: stream } }: Around = {}): Site {
  const g = new GraphBuilder();
  const first = g.node('attn_out', 'MUL_MAT', ne, []);
  const second =
    bias === 'weight' ? g.leaf('weight', 'inpL', [N, 1, 1, 1]) : g.node('inpL', 'ADD', bias ? [N, 1, 1, 1] : ne, []);
  const terms = [first, second];
  const added = g.node('ffn_inp', by, ne, terms);
  const view = g.node('view', 'RESHAPE', ne, [added], { viewOf: added });
  const id = g.node('norm', op, ne, [view], { params: [floatBits(EPS)] });
  const graph = g.build();
  return siteOf({ graph, node: tensorOf(graph, id), sources: [sum], earlier });
}

const perRow = (x: Float32Array, of: (row: Float32Array) => Float32Array): Float32Array => {
  const out = new Float32Array(x.length);
  for (let at = 0; at < x.length; at += N) out.set(of(x.subarray(at, at + N)), at);
  return out;
};
const meanSquare = (v: Float32Array): number => v.reduce((s, a) => s + a * a, 0) / N;
const rms = (x: Float32Array): Float32Array => perRow(x, (v) => v.map((a) => a / Math.sqrt(meanSquare(v) + EPS)));
const layerNorm = (x: Float32Array): Float32Array =>
  perRow(x, (v) => {
    const mean = v.reduce((s, a) => s + a, 0) / N;
    const centred = v.map((a) => a - mean);
    return centred.map((a) => a / Math.sqrt(meanSquare(centred) + EPS));
  });

describe('a fused norm of one term of the sum', () => {
  it.each([
    ['norm of term 0', branch, 'attn_out'],
    ['norm of term 1', stream, 'inpL'],
  ])('%s', async (label, term, input) => {
    const tried = await expectExplained(FUSED_NORM_INPUT, site(), rms(term), label);
    expect(tried.parameters).toEqual({ input, right: 'ffn_inp' });
    await expectExplained(FUSED_NORM_INPUT, site({ op: 'NORM' }), layerNorm(term), label);
  });

  it('tries the term whose values are known', async () => {
    const known = site({ earlier: { inpL: stream } });
    await expectExplained(FUSED_NORM_INPUT, known, rms(stream), 'norm of term 1');
    expect([...FUSED_NORM_INPUT.variants(known)].map((v) => v.label)).toEqual(['norm of term 1']);
  });

  it.each<[string, Around]>([
    ['other ops', { op: 'SQR' }],
    ['the norm of a product', { by: 'MUL' }],
    ['terms that nobody knows', { earlier: {} }],
  ])('does not apply to %s', (_, around) => {
    expect([...FUSED_NORM_INPUT.variants(unrelated(site(around)))]).toEqual([]);
  });

  it.each(['weight', 'node'] as const)('does not take a bias for a term: a %s', (bias) => {
    const labels = [...FUSED_NORM_INPUT.variants(withWrong(site({ bias }), sum))].map((v) => v.label);
    expect(labels).toEqual(['norm of term 0']);
  });
});
