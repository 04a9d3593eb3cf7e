import { describe, expect, it } from 'vitest';
import { defined } from '../../../src/shared/base/assert';
import type { NodeId } from '../../../src/shared/base/brand';
import { UNLIMITED } from '../../../src/shared/base/budget';
import { Control } from '../../../src/shared/base/control';
import { diagnose } from '../../../src/shared/diagnosis/diagnose';
import type { Generality, Hypothesis } from '../../../src/shared/diagnosis/hypothesis';
import { MASKED_ROWS } from '../../../src/shared/diagnosis/hypotheses/attention/masked-rows';
import { SOFT_MAX_RANGE } from '../../../src/shared/diagnosis/hypotheses/attention/soft-max-range';
import { WRONG_PAST_LIMIT } from '../../../src/shared/diagnosis/hypotheses/generic/past-limit';
import { EXP_OVERFLOW } from '../../../src/shared/diagnosis/hypotheses/layers/overflow';
import { Replay } from '../../../src/shared/diagnosis/replay';
import type { JudgedNode } from '../../../src/shared/divergence/examine';
import type { OpKind } from '../../../src/shared/graph/ggml-op';
import { createInlineEngine } from '../../../src/shared/ops/mat-mul-engine';
import type { TraceSource } from '../../../src/shared/trace/trace';
import { GraphBuilder, checkpointsOf, weightsOf } from '../ops/graph-builder';
import { floatBits } from '../ops/op-helpers';

const [N, ROWS] = [6, 4];
const ne = [N, ROWS, 1, 1] as const;
const small = Float32Array.from({ length: N * ROWS }, (_, i) => Math.sin(1 + i));
const nan = new Float32Array(N * ROWS).fill(NaN);
const silu = (v: number): number => v / (1 + Math.exp(-v));

interface Case {
  readonly x?: Float32Array;
  readonly wrong: Float32Array;
  readonly hypotheses: readonly Hypothesis[];
  /** The dump holds x and the end; SILU lies between them. */
  readonly stretch?: boolean;
  readonly mask?: Uint8Array;
}

type Built = { readonly graph: ReturnType<GraphBuilder['build']>; readonly end: NodeId; readonly inner: NodeId[] };

/** x → SILU, and where that is a stretch → ADD of x. */
function activation(stretch: boolean): Built {
  const g = new GraphBuilder();
  const x = g.node('x', 'SCALE', ne, [g.leaf('input', 'in', ne)]);
  const act = g.node('act', 'UNARY', ne, [x], { kind: 'SILU' });
  if (!stretch) return { graph: g.build(), end: act, inner: [] };
  const end = g.node('end', 'ADD', ne, [act, x]);
  return { graph: g.build(), end, inner: [act] };
}

/** x → SOFT_MAX with a mask. */
function scores(): Built {
  const g = new GraphBuilder();
  const x = g.node('x', 'SCALE', ne, [g.leaf('input', 'in', ne)]);
  const mask = g.leaf('input', 'mask', ne);
  return { graph: g.build(), end: g.node('p', 'SOFT_MAX', ne, [x, mask], { params: [floatBits(1), 0] }), inner: [] };
}

async function looked(built: Built, { x = small, wrong, hypotheses, mask }: Case, visible?: Float32Array) {
  const { graph, end, inner } = built;
  const node = (id: NodeId) => defined(graph.tensors[id], 'a node');
  const seed = checkpointsOf('the dump', { x, [node(end).key]: wrong }) as TraceSource;
  const replay = await Replay.open({
    graph,
    weights: weightsOf({}),
    captured: checkpointsOf('the capture', { 'leaf:in': x, ...(visible ? { 'leaf:mask': visible } : {}) }),
    candidate: { seed, results: seed, mask: () => mask },
    judged: { node: node(end), stretch: inner.map(node), writes: [] } as unknown as JudgedNode,
    arithmetics: ['exact'],
    engine: createInlineEngine(),
    control: new Control(() => undefined),
  });
  const control = new Control(() => undefined);
  return diagnose({ replay, hypotheses, noiseFloor: 1e-12, control, budget: UNLIMITED });
}

const causeAt = async (c: Case): Promise<string | null> =>
  (await looked(activation(c.stretch === true), c)).cause?.id ?? null;

/** A mistake at SILU nodes that changes each result. */
function mistake(
  id: string,
  change: (v: number, i: number) => number,
  kind: OpKind = 'SILU',
  generality: Generality = 1,
): Hypothesis {
  return {
    ...{ id, title: id, explanation: '', whereToLook: '', citations: [], catalogue: [], generality },
    *variants({ node }) {
      if (node.kind !== kind) return;
      yield { label: id, parameters: {}, predict: (s) => s.right.map(change) };
    },
  };
}
const allNaN = mistake('all-nan', () => NaN);

describe.each([
  ['a single node', false],
  ['a stretch', true],
])('nothing finite at the end of %s', (_, stretch) => {
  const large = small.map((v) => 150 + 40 * v);
  const end = (x: Float32Array): Float32Array => x.map((v) => silu(v) + (stretch ? v : 0));

  it('is explained by a mistake of range', async () => {
    // e^150 is infinite in f32: x e^x / (1 + e^x) is NaN everywhere
    expect(Math.fround(Math.exp(100))).toBe(Infinity);
    expect(await causeAt({ x: large, wrong: nan, hypotheses: [allNaN, EXP_OVERFLOW], stretch })).toBe('exp-overflow');
  });

  it('is explained by no other', async () => {
    const { cause, shape, tried } = await looked(activation(stretch), { wrong: nan, hypotheses: [allNaN] });
    expect({ cause, tried }).toEqual({ cause: null, tried: 1 });
    expect(shape?.nearMisses).toEqual([]);
    // the range is not exceeded
    expect(await causeAt({ wrong: nan, hypotheses: [allNaN, EXP_OVERFLOW], stretch })).toBeNull();
  });

  it('is explained by no other where infinities are among it', async () => {
    const mixed = nan.map((v, i) => (i % 2 === 0 ? Infinity : v));
    const same = mistake('mixed', (_, i) => mixed[i]!);
    expect(await causeAt({ wrong: mixed, hypotheses: [same], stretch })).toBeNull();
  });

  it('is told apart by one element that is finite', async () => {
    const wrong = nan.slice();
    wrong[3] = end(small)[3]!;
    const butOne = mistake('all-nan-but-one', (v, i) => (i === 3 ? v : NaN));
    expect(await causeAt({ wrong, hypotheses: [butOne], stretch })).toBe('all-nan-but-one');
    expect(await causeAt({ wrong, hypotheses: [allNaN, butOne], stretch })).toBe('all-nan-but-one');
    const mask = Uint8Array.from(wrong, (_, i) => (i === 3 ? 0 : 1));
    expect(await causeAt({ wrong, mask, hypotheses: [butOne], stretch })).toBeNull();
  });
});

describe('soft-max, nothing finite', () => {
  const causal = (first: number): Float32Array =>
    Float32Array.from(small, (_, i) => (i % N <= Math.floor(i / N) + first ? 0 : -Infinity));
  const hypotheses = [MASKED_ROWS, SOFT_MAX_RANGE];

  it('masked keys are not blamed where every row has some', async () => {
    expect((await looked(scores(), { wrong: nan, hypotheses }, causal(0))).cause).toBeNull();
  });

  it('they are where a row without any is right', async () => {
    // the last of four rows sees all six keys
    const visible = causal(2);
    const powers = [...small.subarray(3 * N)].map(Math.exp);
    const sum = powers.reduce((a, b) => a + b, 0);
    const wrong = nan.map((v, i) => (i < 3 * N ? v : powers[i - 3 * N]! / sum));
    const { cause } = await looked(scores(), { wrong, hypotheses }, visible);
    expect(cause).toMatchObject({ id: 'masked-rows', explained: 1 });
    expect(cause?.parameters).toEqual({ masked: 'NaN', right: '-Infinity' });
  });

  it('scores beyond the range of exp are', async () => {
    const x = small.map((v) => 300 + 40 * v);
    const { cause } = await looked(scores(), { x, wrong: nan, hypotheses }, causal(5));
    expect(cause?.id).toBe(SOFT_MAX_RANGE.id);
  });
});

describe('where nothing reproduces the numbers', () => {
  const right = small.map(silu);
  const wrong = right.map((v, i) => (i % N < 4 ? v : v * (1 + 0.5 * Math.cos(i * i))));
  /** Takes back `part` of each error. */
  const near = (id: string, part: number): Hypothesis =>
    mistake(id, (v, i) => v + part * (defined(wrong[i], 'wrong') - v));

  it('the place is named, however many come near', async () => {
    const many = Array.from({ length: 15 }, (_, i) => near(`near-${i}`, 0.4 + 0.01 * i));
    const { cause } = await looked(activation(false), { wrong, hypotheses: [...many, WRONG_PAST_LIMIT] });
    expect(cause).toMatchObject({ id: 'wrong-past-limit', explained: 1, parameters: { from: 4, along: 'channels' } });
  });

  it('the place is not named where something does', async () => {
    const found = near('found', 0.97);
    const { cause } = await looked(activation(false), { wrong, hypotheses: [WRONG_PAST_LIMIT, found] });
    expect(cause?.id).toBe('found');
    expect(cause?.alternatives).toEqual([]);
  });
});
