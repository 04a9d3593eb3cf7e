import { describe, expect, it } from 'vitest';
import { defined } from '../../../../src/shared/base/assert';
import { Control } from '../../../../src/shared/base/control';
import { bf16ToF32, f16ToF32, f32Bits, f32ToBf16, f32ToF16 } from '../../../../src/shared/base/float-bits';
import { seededRandom } from '../../../../src/shared/base/random';
import { nmseOf } from '../../../../src/shared/compare/metrics';
import { Replay } from '../../../../src/shared/diagnosis/replay';
import type { RoundingFinding } from '../../../../src/shared/diagnosis/rounding/find-rounding';
import { findRounding } from '../../../../src/shared/diagnosis/rounding/find-rounding';
import type { JudgedNode } from '../../../../src/shared/divergence/examine';
import type { Graph } from '../../../../src/shared/graph/graph';
import { createInlineEngine } from '../../../../src/shared/ops/mat-mul-engine';
import type { TraceSource } from '../../../../src/shared/trace/trace';
import { checkpointsOf, f32Bytes, GraphBuilder, weightsOf } from '../../ops/graph-builder';

const [K, ROWS, TOKENS] = [256, 64, 6];
const random = seededRandom(11);
const normal = (count: number, scale = 1): Float32Array =>
  Float32Array.from({ length: count }, () => scale * random.normal());
const toF16 = (x: number): number => f16ToF32(f32ToF16(x));
const toBf16 = (x: number): number => bf16ToF32(f32ToBf16(x));

const W = normal(K * ROWS, 0.05);
const X = normal(K * TOKENS);

function product(w: Float32Array, x: Float32Array, sum = (s: number, t: number): number => s + t): Float32Array {
  return Float32Array.from({ length: ROWS * TOKENS }, (_, i) => {
    const [r, t] = [i % ROWS, Math.floor(i / ROWS)];
    let s = 0;
    for (let k = 0; k < K; k++) s = sum(s, w[r * K + k]! * x[t * K + k]!);
    return s;
  });
}

function matMul(): Graph {
  const g = new GraphBuilder();
  const x = g.node('x', 'SCALE', [K, TOKENS, 1, 1], [g.leaf('input', 'in', [K, TOKENS, 1, 1])]);
  g.node('end', 'MUL_MAT', [ROWS, TOKENS, 1, 1], [g.leaf('weight', 'w', [K, ROWS, 1, 1]), x]);
  return g.build();
}

function pointwise(
  kind: 'TANH' | 'RMS_NORM',
  ne: readonly [number, number, number, number],
  params: number[] = [],
): Graph {
  const g = new GraphBuilder();
  const x = g.node('x', 'SCALE', ne, [g.leaf('input', 'in', ne)]);
  if (kind === 'TANH') g.node('end', 'UNARY', ne, [x], { kind });
  else g.node('end', kind, ne, [x], { params });
  return g.build();
}

/** What is found at the node `end` of an engine whose result there is what `wrongOf` makes of the right one. */
async function find(
  graph: Graph,
  x: Float32Array,
  wrongOf: (right: Float32Array) => Float32Array,
  noiseFloor = 1e-12,
): Promise<RoundingFinding> {
  const node = defined(
    graph.tensors.find((t) => t.key === 'end'),
    'end',
  );
  const judged = { node, stretch: [], writes: [] } as unknown as JudgedNode;
  const open = (end: Float32Array): Promise<Replay> => {
    const seed = checkpointsOf('the dump', { x, end }) as TraceSource;
    return Replay.open({
      graph,
      weights: weightsOf({ w: { type: 'F32', ne: [K, ROWS, 1, 1], bytes: f32Bytes(Array.from(W)) } }),
      captured: checkpointsOf('the capture', { 'leaf:in': x }),
      candidate: { seed, results: seed, mask: () => undefined },
      judged,
      arithmetics: ['exact'],
      engine: createInlineEngine(),
      control: new Control(() => undefined),
    });
  };
  const right = (await open(new Float32Array(x.length))).right('exact');
  const replay = await open(wrongOf(right));
  const localNmse = nmseOf(right, replay.wrong);
  return findRounding({ replay, judged: { ...judged, judgement: { localNmse, noiseFloor } } as never, all: [] });
}

describe('what an engine rounds', () => {
  it('is named where it gives the very numbers', async () => {
    const inputs = await find(matMul(), X, () => product(W, X.map(toF16)));
    expect(inputs).toMatchObject({ kind: 'rounded', rounding: { part: 'activations', to: 'F16', reproduced: true } });
    const results = await find(matMul(), X, (right) => right.map(toBf16));
    expect(results).toMatchObject({ kind: 'rounded', rounding: { part: 'results', to: 'BF16', reproduced: true } });
    const weights = await find(matMul(), X, () => product(W.map(toBf16), X));
    expect(weights).toMatchObject({ kind: 'rounded', rounding: { part: 'weights', to: 'BF16', reproduced: true } });
  });

  it('is noise of its size where sums are kept in 16 bits in an order nobody knows', async () => {
    const found = await find(matMul(), X, () => product(W.map(toF16), X.map(toF16), (s, t) => toF16(s + toF16(t))));
    expect(found).toMatchObject({ kind: 'rounded', rounding: { to: 'F16', reproduced: false } });
  });

  it('is no rounding where plain f32 sums leave it, as beside one huge channel', async () => {
    const huge = X.slice();
    for (let t = 0; t < TOKENS; t++) huge[t * K + 99] = 4000;
    const found = await find(matMul(), huge, () => product(W, huge, (s, t) => Math.fround(s + Math.fround(t))), 1e-16);
    expect(found.kind).toBe('right');
  });

  it('is a formula where tanh comes from exponentials and cancels near 0', async () => {
    const x = normal(600, 1e-6);
    const wrong = (): Float32Array =>
      x.map((v) => 1 - Math.fround(2 / Math.fround(Math.fround(Math.exp(Math.fround(2 * v))) + 1)));
    const found = await find(pointwise('TANH', [100, 6, 1, 1]), x, wrong);
    expect(found).toMatchObject({ kind: 'rounded', rounding: { part: 'function' } });
  });

  it('underflows where values lie below the range of F16, be the result lost altogether', async () => {
    const tiny = X.map((x) => x * 1e-9);
    const found = await find(matMul(), tiny, (right) => right.map(() => 0));
    expect(found).toMatchObject({ kind: 'rounded', rounding: { to: 'F16', underflow: true } });
  });
});

describe('a mistake inside the bound', () => {
  const half = (right: Float32Array): Float32Array => right.map(toF16);

  it('keeps its structure: one row, one token, a factor, an offset', async () => {
    const at = (isIn: (channel: number, token: number) => boolean, change: (x: number) => number) =>
      find(matMul(), X, (right) => half(right.map((x, i) => (isIn(i % ROWS, Math.floor(i / ROWS)) ? change(x) : x))));
    const all = (): boolean => true;
    expect(
      await at(
        (c) => c === 17,
        (x) => x * 1.02,
      ),
    ).toMatchObject({ kind: 'wrong' });
    expect(
      await at(
        (_, t) => t === 4,
        (x) => x * 1.01,
      ),
    ).toMatchObject({ kind: 'wrong' });
    expect(await at(all, (x) => x * 1.001)).toMatchObject({ kind: 'wrong', why: expect.stringMatching(/grows with/) });
    expect(await at(all, (x) => x + 1e-3)).toMatchObject({ kind: 'wrong' });
    // and without it, it rounds
    expect(
      await at(
        () => false,
        (x) => x,
      ),
    ).toMatchObject({ kind: 'rounded' });
  });

  it('is a wrong epsilon, though every element moves by less than bf16 rounds', async () => {
    const x = normal(64 * 6, 0.05);
    const norm = (eps: number): Float32Array =>
      x.map((v, i) => {
        const row = x.subarray(Math.floor(i / 64) * 64, Math.floor(i / 64) * 64 + 64);
        return v / Math.sqrt(row.reduce((s, y) => s + y * y, 0) / 64 + eps);
      });
    const graph = pointwise('RMS_NORM', [64, 6, 1, 1], [f32Bits(1e-6) | 0]);
    expect(await find(graph, x, () => norm(1e-6).map(toBf16))).toMatchObject({ kind: 'rounded' });
    expect(await find(graph, x, () => norm(1e-5).map(toBf16))).toMatchObject({ kind: 'wrong' });
  });

  it('is told the same every time', async () => {
    const wrong = (): Float32Array => product(W.map(toF16), X.map(toF16), (s, t) => toF16(s + toF16(t)));
    expect(await find(matMul(), X, wrong)).toEqual(await find(matMul(), X, wrong));
  });
});
