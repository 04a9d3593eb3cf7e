import { describe, expect, it } from 'vitest';
import type { Judgement } from '../../../src/shared/divergence/judge';
import { assembleVerdict } from '../../../src/shared/divergence/assemble-verdict';
import type { GgmlOp } from '../../../src/shared/graph/ggml-op';
import type { Dims } from '../../../src/shared/graph/graph';
import { tensorOf } from '../../../src/shared/graph/graph';
import type { TraceSource } from '../../../src/shared/trace/trace';
import { checkpointsOf, GraphBuilder, weightsOf } from '../ops/graph-builder';

/** A verdict on one node that only rounds. */
function roundedVerdict(strict: boolean) {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', [4, 1, 1, 1]);
  const node = tensorOf(g.build(), g.node('y-0', 'SCALE', [4, 1, 1, 1], [x]));
  const rounding = { part: 'results', to: 'F16', underflow: false, reproduced: true, text: 'results in F16' } as const;
  const worst = { index: [0, 0, 0, 0], reference: 1, candidate: 2 } as const;
  const judgement = { bad: false, localNmse: 1e-7, noiseFloor: 1e-9, worst, nonFinite: undefined, why: '', rounding };
  const step = {
    index: 0,
    tokens: [1],
    graph: g.build(),
    captured: checkpointsOf('the capture', {}) as TraceSource,
    examination: { judged: [{ node, judgement, stretch: [], writes: [] }], notMeasured: [], arithmetics: [] },
    referenceLogits: undefined,
    candidateLogits: undefined,
    alignment: [],
    inherited: new Map(),
  };
  const names = { model: 'm', reference: 'r', candidate: 'c', textOf: () => undefined };
  return assembleVerdict({ ...names, weights: weightsOf({}), steps: [step], strict });
}

describe('a node that only rounds', () => {
  it('is no difference, unless that counts: then of its step, too', () => {
    const fields = { rounded: [{ node: 'y-0', localNmse: 1e-7 }], firstBad: null };
    const steps = (verdict: string) => [{ verdict, firstBad: null }];
    expect(roundedVerdict(false)).toMatchObject({ ...fields, verdict: 'clean', steps: steps('clean') });
    expect(roundedVerdict(true)).toMatchObject({ ...fields, verdict: 'diverged', steps: steps('diverged') });
  });
});

/** The block that a verdict names for a bad node with a Q4_K weight of `ne` and a worst element at `index`. */
function blockOf(op: GgmlOp, ne: Dims, result: Dims, index: Dims, expert?: number) {
  const g = new GraphBuilder();
  const weight = g.leaf('weight', 'blk.0.w', ne, 'Q4_K');
  const x = g.leaf('input', 'x', [ne[0], 1, 1, 1]);
  const node = tensorOf(g.build(), g.node('y-0', op, result, [weight, x]));
  const worst = { index, reference: 1, candidate: 2 };
  const judgement: Judgement = {
    bad: true,
    localNmse: 1,
    noiseFloor: 1e-11,
    worst,
    ...(expert === undefined ? {} : { expert }),
    nonFinite: undefined,
    why: 'it is wrong',
  };
  const step = {
    index: 0,
    tokens: [1],
    graph: g.build(),
    captured: checkpointsOf('the capture', {}) as TraceSource,
    examination: {
      judged: [{ node, judgement, stretch: [], writes: [] }],
      notMeasured: [],
      arithmetics: ['exact' as const],
    },
    referenceLogits: undefined,
    candidateLogits: undefined,
    alignment: [],
    inherited: new Map(),
  };
  const names = { model: 'm', reference: 'r', candidate: 'c' };
  return assembleVerdict({ ...names, weights: weightsOf({}), steps: [step], textOf: () => undefined }).firstBad?.block;
}

describe('the block behind a bad element', () => {
  it('is the first of the weight row for a mat-mul', () => {
    expect(blockOf('MUL_MAT', [512, 40, 1, 1], [40, 3, 1, 1], [7, 2, 0, 0])).toMatchObject({ row: 7, index: 14 });
  });

  it('lies in the plane that is repeated there', () => {
    expect(blockOf('MUL_MAT', [512, 40, 2, 1], [40, 3, 6, 1], [7, 2, 4, 0])).toMatchObject({ row: 47, index: 94 });
  });

  it('lies in the expert that the token chose', () => {
    const block = blockOf('MUL_MAT_ID', [512, 40, 8, 1], [40, 2, 3, 1], [7, 1, 2, 0], 5);
    expect(block).toEqual({ tensor: 'blk.0.w', type: 'Q4_K', row: 207, index: 414 });
  });

  it('is not named where the expert is not known', () => {
    expect(blockOf('MUL_MAT_ID', [512, 40, 8, 1], [40, 2, 3, 1], [7, 1, 2, 0])).toBeNull();
  });
});
