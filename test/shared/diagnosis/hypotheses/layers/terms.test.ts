import { describe, expect, it } from 'vitest';
import { BIAS, EXPERT_BIAS } from '../../../../../src/shared/diagnosis/hypotheses/layers/bias';
import { RESIDUAL, RESIDUAL_SCALE } from '../../../../../src/shared/diagnosis/hypotheses/layers/residual';
import { EMBEDDING_SCALE, SCALE_FACTOR } from '../../../../../src/shared/diagnosis/hypotheses/layers/scale';
import { LOGITS_SOFTCAP } from '../../../../../src/shared/diagnosis/hypotheses/layers/softcap';
import { STEP_SKIPPED } from '../../../../../src/shared/diagnosis/hypotheses/layers/step-skipped';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { floatBits } from '../../../ops/op-helpers';
import { expectExplained, nodeSite, values } from './node-site';

const N = 53;
const ROWS = 7;
const ne: Dims = [N, ROWS, 1, 1];
const x = values(N * ROWS, 1);
const y = values(N * ROWS, 2);

describe('bias', () => {
  const b = values(N, 3);
  const k = values(N, 4);
  const bias = { name: 'blk.2.attn_q.bias', ne: [N, 1, 1, 1] as Dims, values: b, weight: true as const };
  const others = { 'blk.2.attn_k.bias': k, 'blk.3.attn_q.bias': values(N, 5) };
  const site = nodeSite({ op: 'ADD', ne, sources: [{ name: 'q', ne, values: x }, bias], others });
  const plus = (term: (c: number, row: number) => number): Float32Array =>
    x.map((v, i) => v + term(i % N, Math.floor(i / N)));

  it.each<[string, (c: number, row: number) => number]>([
    ['dropped', () => 0],
    ['added twice', (c) => 2 * b[c]!],
    ['subtracted', (c) => -b[c]!],
    ['shifted by one channel', (c) => b[(c + 1) % N]!],
    ['indexed by row', (_, row) => b[row]!],
    ['its first value for all', () => b[0]!],
    ['added to the first row only', (c, row) => (row === 0 ? b[c]! : 0)],
    ['of attn_k', (c) => k[c]!],
    ['of the layer after', (c) => others['blk.3.attn_q.bias'][c]!],
  ])('%s', async (label, term) => {
    const tried = await expectExplained(BIAS, site, plus(term), label);
    expect(tried.parameters.right).toBe('blk.2.attn_q.bias');
  });

  it('of an expert', async () => {
    const shape: Dims = [8, 2, 5, 1];
    const input = values(80, 6);
    const table = values(8 * 4, 7);
    const ids = Float32Array.from({ length: 10 }, (_, i) => (i * 3) % 4);
    const at = nodeSite({
      op: 'ADD_ID',
      ne: shape,
      sources: [
        { name: 'gate', ne: shape, values: input },
        { name: 'blk.0.ffn_gate_exps.bias', ne: [8, 4, 1, 1], values: table, weight: true },
        { name: 'ids', ne: [2, 5, 1, 1], values: ids, type: 'I32' },
      ],
    });
    await expectExplained(EXPERT_BIAS, at, input, 'dropped');
    const next = input.map((v, i) => v + table[((ids[Math.floor(i / 8)]! + 1) % 4) * 8 + (i % 8)]!);
    await expectExplained(EXPERT_BIAS, at, next, 'of the next expert');
  });
});

describe('residual', () => {
  const sources = [
    { name: 'ffn_out', ne, values: x, by: 'MUL_MAT' as const },
    { name: 'ffn_inp', ne, values: y, by: 'ADD' as const },
  ];
  const site = nodeSite({ op: 'ADD', ne, sources });

  it('dropped, doubled, subtracted', async () => {
    const tried = await expectExplained(RESIDUAL, site, x, 'second term dropped');
    expect(tried.parameters).toEqual({ sum: 'ffn_out', right: 'ffn_out + ffn_inp' });
    await expectExplained(RESIDUAL, site, y, 'first term dropped');
    await expectExplained(
      RESIDUAL,
      site,
      x.map((v, i) => v + 2 * y[i]!),
      'second term doubled',
    );
    await expectExplained(
      RESIDUAL,
      site,
      x.map((v, i) => y[i]! - v),
      'first term subtracted',
    );
  });

  it('takes the normalised input where the stream belongs', async () => {
    const w = values(N, 8).map((v) => v + 2);
    const name = 'blk.0.ffn_norm.weight';
    const at = nodeSite({
      op: 'ADD',
      ne,
      sources,
      others: { [name]: w },
      around: (g, id) => {
        const stream = g.build().tensors[id]!.src[1];
        const norm = g.node('norm', 'RMS_NORM', ne, [stream], { params: [floatBits(1e-6)] });
        g.node('ffn_norm', 'MUL', ne, [norm, g.leaf('weight', name, [N, 1, 1, 1])]);
      },
    });
    const wrong = x.map((v, i) => {
      const from = i - (i % N);
      let squares = 0;
      for (let c = 0; c < N; c++) squares += y[from + c]! ** 2;
      return v + (y[i]! / Math.sqrt(squares / N + 1e-6)) * w[i % N]!;
    });
    await expectExplained(RESIDUAL, at, wrong, 'second term normalised');
  });

  it('scaled by an unknown factor', async () => {
    const tried = await expectExplained(
      RESIDUAL_SCALE,
      site,
      x.map((v, i) => 0.22 * v + y[i]!),
      'first term',
    );
    expect(Number(tried.parameters.factor)).toBeCloseTo(0.22, 4);
  });
});

describe('scale', () => {
  const width = 3072;
  const input = values(width, 9);
  const root = Math.sqrt(width);
  const site = nodeSite({
    op: 'SCALE',
    ne: [width, 1, 1, 1],
    params: [floatBits(root), 0],
    sources: [{ name: 'x', ne: [width, 1, 1, 1], values: input }],
  });

  it('embedding: missing, or in bf16', async () => {
    const rows: Dims = [width, 2, 1, 1];
    const table = values(width * 3, 10);
    const at = nodeSite({
      op: 'SCALE',
      ne: rows,
      params: [floatBits(root), 0],
      sources: [{ name: 'embd', ne: rows, values: table.subarray(0, 2 * width), by: 'GET_ROWS' }],
      around: (g) => g.leaf('weight', 'token_embd.weight', [width, 3, 1, 1]),
    });
    // the look-up reads the table: put in place after the graph was built
    const tensors = at.graph.tensors.map((t) =>
      t.op === 'GET_ROWS' ? { ...t, src: [at.graph.tensors.length - 1] } : t,
    );
    const graph = { ...at.graph, tensors } as typeof at.graph;
    const embedded = { ...at, graph };
    const two = table.subarray(0, 2 * width);
    await expectExplained(EMBEDDING_SCALE, embedded, two, 'missing');
    const tried = await expectExplained(
      EMBEDDING_SCALE,
      embedded,
      two.map((v) => v * 55.5),
      '√n in bf16',
    );
    expect(tried.parameters.scale).toBe(55.5);
    expect([...EMBEDDING_SCALE.variants(site)]).toEqual([]);
  });

  it('any: missing, twice, another', async () => {
    await expectExplained(SCALE_FACTOR, site, input, 'missing');
    await expectExplained(
      SCALE_FACTOR,
      site,
      input.map((v) => v * width),
      'twice',
    );
    const tried = await expectExplained(
      SCALE_FACTOR,
      site,
      input.map((v) => v * 7),
      'another factor',
    );
    expect(Number(tried.parameters.scale)).toBeCloseTo(7, 2);
  });
});

describe('soft cap', () => {
  const logits = values(N * ROWS, 11, 90);
  const chain = (reader: 'SOFT_MAX' | 'ARGMAX') =>
    nodeSite({
      op: 'UNARY',
      kind: 'TANH',
      ne,
      sources: [{ name: 'before', ne, values: logits.map((v) => v / 30), by: 'SCALE' }],
      around: (g, id) => g.node('probs', reader, ne, [g.node('after', 'SCALE', ne, [id], { params: [floatBits(30)] })]),
    });

  it('skipped, or a hard bound; not at attention scores', async () => {
    await expectExplained(
      LOGITS_SOFTCAP,
      chain('ARGMAX'),
      logits.map((v) => v / 30),
      'skipped',
    );
    const bounded = logits.map((v) => Math.max(-1, Math.min(1, v / 30)));
    await expectExplained(LOGITS_SOFTCAP, chain('ARGMAX'), bounded, 'tanh skipped');
    expect([...LOGITS_SOFTCAP.variants(chain('SOFT_MAX'))]).toEqual([]);
  });
});

it('a step skipped', async () => {
  const site = nodeSite({ op: 'SQR', ne, sources: [{ name: 'x', ne, values: x }] });
  await expectExplained(STEP_SKIPPED, site, x, 'SQR skipped');
});
