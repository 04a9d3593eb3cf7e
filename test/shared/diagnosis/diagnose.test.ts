import { describe, expect, it } from 'vitest';
import type { Budget } from '../../../src/shared/base/budget';
import { UNLIMITED, WorkBudget } from '../../../src/shared/base/budget';
import { Control } from '../../../src/shared/base/control';
import { defined } from '../../../src/shared/base/assert';
import { diagnose } from '../../../src/shared/diagnosis/diagnose';
import type { Hypothesis } from '../../../src/shared/diagnosis/hypothesis';
import { Replay } from '../../../src/shared/diagnosis/replay';
import { evaluateChanged } from '../../../src/shared/diagnosis/site';
import type { JudgedNode } from '../../../src/shared/divergence/examine';
import { createInlineEngine } from '../../../src/shared/ops/mat-mul-engine';
import type { TraceSource } from '../../../src/shared/trace/trace';
import { GraphBuilder, checkpointsOf, f32Bytes, weightsOf } from '../ops/graph-builder';

const [K, ROWS, TOKENS] = [4, 3, 2];
const x = Float32Array.from([1, 2, 3, 4, -1, 0.5, 2, -2]);
const w = [0.5, 1, -1, 2, 1, 1, 1, 1, -0.25, 0.5, 2, 1];

/** x → MUL_MAT with w → SILU → SCALE; the dump holds x and the end. */
function stretchGraph() {
  const g = new GraphBuilder();
  const input = g.node('x', 'SCALE', [K, TOKENS, 1, 1], [g.leaf('input', 'in', [K, TOKENS, 1, 1])]);
  const weight = g.leaf('weight', 'w', [K, ROWS, 1, 1]);
  const mid = g.node('mid', 'MUL_MAT', [ROWS, TOKENS, 1, 1], [weight, input]);
  const act = g.node('act', 'UNARY', [ROWS, TOKENS, 1, 1], [mid], { kind: 'SILU' });
  const end = g.node('end', 'ADD', [ROWS, TOKENS, 1, 1], [act, mid]);
  return { graph: g.build(), ids: { mid, act, end } };
}

const silu = (v: number): number => v / (1 + Math.exp(-v));

function product(factor: number): number[] {
  return Array.from({ length: ROWS * TOKENS }, (_, i) => {
    const [r, t] = [i % ROWS, Math.floor(i / ROWS)];
    let sum = 0;
    for (let k = 0; k < K; k++) sum += w[r * K + k]! * x[t * K + k]!;
    return sum * factor;
  });
}

/** An engine that doubles the mat-mul's result. */
const wrongEnd = (): Float32Array => Float32Array.from(product(2), (v) => silu(v) + v);

async function open(wrong: Float32Array): Promise<Replay> {
  const { graph, ids } = stretchGraph();
  const node = defined(graph.tensors[ids.end], 'end');
  const stretch = [ids.mid, ids.act].map((id) => defined(graph.tensors[id], 'stretch'));
  const seed = checkpointsOf('the dump', { x, end: wrong }) as TraceSource;
  return Replay.open({
    graph,
    weights: weightsOf({ w: { type: 'F32', ne: [K, ROWS, 1, 1], bytes: f32Bytes(w) } }),
    captured: checkpointsOf('the capture', { 'leaf:in': x }),
    candidate: { seed, results: seed, mask: () => undefined },
    judged: { node, stretch, writes: [] } as unknown as JudgedNode,
    arithmetics: ['exact', 'ggml'],
    engine: createInlineEngine(),
    control: new Control(() => undefined),
  });
}

const factorAt = (kind: string, generality: 1 | 2): Hypothesis => ({
  id: `factor-at-${kind.toLowerCase()}`,
  title: 'a factor',
  explanation: '',
  whereToLook: '',
  citations: [],
  catalogue: [],
  generality,
  *variants(site) {
    if (site.node.kind !== kind) return;
    yield {
      label: 'factor',
      from: 0.25,
      to: 4,
      spacing: 'log',
      at: (factor) => ({
        label: 'factor',
        parameters: { factor },
        predict: (s) => evaluateChanged(s, {}).map((v) => v * factor),
      }),
    };
  },
});

describe('replay of a stretch', () => {
  it('gives the right result from the nearest checkpoints', async () => {
    const replay = await open(wrongEnd());
    expect(replay.nodes.map((n) => n.key)).toEqual(['mid', 'act', 'end']);
    const right = replay.right('exact');
    product(1).forEach((v, i) => expect(right[i]).toBeCloseTo(silu(v) + v, 5));
  });

  it('carries a change through all that reads it, and nothing else', async () => {
    const replay = await open(wrongEnd());
    const [mid, act] = replay.nodes;
    const double = (v: Float32Array): Float32Array => v.map((y) => 2 * y);
    const change = (id: number) => new Map([[id as never, (s: { right: Float32Array }) => double(s.right)]]);
    const throughMid = await replay.predict(change(defined(mid, 'mid').id), 'exact');
    wrongEnd().forEach((v, i) => expect(throughMid[i]).toBeCloseTo(v, 5));
    const throughAct = await replay.predict(change(defined(act, 'act').id), 'exact');
    product(1).forEach((v, i) => expect(throughAct[i]).toBeCloseTo(2 * silu(v) + v, 5));
  });
});

describe('diagnosis', () => {
  const looked = async (hypotheses: readonly Hypothesis[], wrong = wrongEnd(), budget: Budget = UNLIMITED) =>
    diagnose({
      replay: await open(wrong),
      hypotheses,
      noiseFloor: 1e-12,
      control: new Control(() => undefined),
      budget,
    });

  it('names the mistake, where in the stretch it was made, and its parameter', async () => {
    const { cause, tried } = await looked([factorAt('SILU', 1), factorAt('MUL_MAT', 2), factorAt('ADD', 1)]);
    expect(cause).toMatchObject({ id: 'factor-at-mul_mat', nodes: ['mid'] });
    expect(cause?.parameters['factor']).toBeCloseTo(2, 4);
    expect(cause?.explained).toBeGreaterThan(0.999999);
    expect(tried).toBe(3);
  });

  it('says unexplained, and what came near, where nothing reproduces the numbers', async () => {
    const { cause, shape } = await looked([factorAt('SILU', 1)]);
    expect(cause).toBeNull();
    expect(shape?.wrongShare).toBe(1);
    expect(shape?.nearMisses[0]?.explained).toBeLessThan(0.99);
  });

  it('counts what there was no time for', async () => {
    const { cause, tried, untried } = await looked([factorAt('MUL_MAT', 1)], wrongEnd(), new WorkBudget(0));
    expect({ cause, tried, untried }).toEqual({ cause: null, tried: 0, untried: 1 });
  });

  it('tries the same on every machine: the budget is work, which each replay spends', async () => {
    const hypotheses = [factorAt('SILU', 1), factorAt('MUL_MAT', 1)];
    const triedWithin = async (limit: number): Promise<readonly number[]> => {
      const { tried, untried } = await looked(hypotheses, wrongEnd(), new WorkBudget(limit));
      return [tried, untried];
    };
    expect(await triedWithin(1)).toEqual([1, 1]);
    expect(await triedWithin(1e9)).toEqual([2, 0]);
  });

  it('gives the event loop a turn where its control says that one is due', async () => {
    let turns = 0;
    const turn = (): undefined => {
      turns++;
      return undefined;
    };
    const control = new Control(() => undefined, turn);
    const replay = await open(wrongEnd());
    await diagnose({ replay, hypotheses: [factorAt('SILU', 1)], noiseFloor: 1e-12, control, budget: UNLIMITED });
    expect(turns).toBeGreaterThan(0);
  });

  it('stops when it is cancelled', async () => {
    const control = new Control(() => undefined);
    const replay = await open(wrongEnd());
    control.cancel();
    const run = diagnose({
      replay,
      hypotheses: [factorAt('MUL_MAT', 1)],
      noiseFloor: 1e-12,
      control,
      budget: UNLIMITED,
    });
    await expect(run).rejects.toThrow('cancelled');
  });
});

describe('a mistake at some nodes of a stretch', () => {
  /** x → three mat-muls, summed one after another; the dump holds x and the end. */
  function threeProducts() {
    const g = new GraphBuilder();
    const ne = [ROWS, TOKENS, 1, 1] as const;
    const input = g.node('x', 'SCALE', [K, TOKENS, 1, 1], [g.leaf('input', 'in', [K, TOKENS, 1, 1])]);
    const products = [0, 1, 2].map((i) =>
      g.node(`m${i}`, 'MUL_MAT', ne, [g.leaf('weight', `w${i}`, [K, ROWS, 1, 1]), input]),
    );
    const sum = g.node('sum', 'ADD', ne, products.slice(0, 2));
    const end = g.node('end', 'ADD', ne, [sum, defined(products[2], 'm2')]);
    return { graph: g.build(), stretch: [...products, sum], end };
  }

  const weight = (i: number): number[] => w.map((_, at) => Math.sin(1 + 5 * i + at * (2 + 3 * i)));

  /** The sum with each product times its factor. */
  function summed(factors: readonly number[]): Float32Array {
    return Float32Array.from({ length: ROWS * TOKENS }, (_, i) => {
      const [r, t] = [i % ROWS, Math.floor(i / ROWS)];
      let sum = 0;
      factors.forEach((factor, m) => {
        for (let k = 0; k < K; k++) sum += factor * weight(m)[r * K + k]! * x[t * K + k]!;
      });
      return sum;
    });
  }

  const doubled: Hypothesis = {
    ...factorAt('MUL_MAT', 1),
    *variants(site) {
      if (site.node.kind !== 'MUL_MAT') return;
      yield { label: 'doubled', parameters: {}, predict: (s) => evaluateChanged(s, {}).map((v) => v * 2) };
    },
  };

  async function causeOf(factors: readonly number[]) {
    const { graph, stretch, end } = threeProducts();
    const at = (id: number) => defined(graph.tensors[id], 'a node');
    const seed = checkpointsOf('the dump', { x, end: summed(factors) }) as TraceSource;
    const bytes = (i: number) => ({ type: 'F32', ne: [K, ROWS, 1, 1], bytes: f32Bytes(weight(i)) }) as const;
    const replay = await Replay.open({
      graph,
      weights: weightsOf({ w0: bytes(0), w1: bytes(1), w2: bytes(2) }),
      captured: checkpointsOf('the capture', { 'leaf:in': x }),
      candidate: { seed, results: seed, mask: () => undefined },
      judged: { node: at(end), stretch: stretch.map(at), writes: [] } as unknown as JudgedNode,
      arithmetics: ['exact'],
      engine: createInlineEngine(),
      control: new Control(() => undefined),
    });
    const control = new Control(() => undefined);
    return (await diagnose({ replay, hypotheses: [doubled], noiseFloor: 1e-12, control, budget: UNLIMITED })).cause;
  }

  it.each([
    [[2, 1, 1], ['m0']],
    [
      [2, 1, 2],
      ['m0', 'm2'],
    ],
    [
      [1, 2, 2],
      ['m1', 'm2'],
    ],
    [
      [2, 2, 2],
      ['m0', 'm1', 'm2'],
    ],
  ])('factors %j: at %j', async (factors, nodes) => {
    const cause = await causeOf(factors);
    expect([...(cause?.nodes ?? [])].sort()).toEqual(nodes);
    expect(cause?.explained).toBeGreaterThan(0.999999);
  });

  it('no cause where no set of nodes explains it', async () => {
    expect(await causeOf([2, 1, -3])).toBeNull();
  });
});
