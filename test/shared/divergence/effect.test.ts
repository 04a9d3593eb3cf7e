import { describe, expect, it } from 'vitest';
import type { OwnError } from '../../../src/shared/divergence/effect';
import { effectOf, leadingTo, spoken, tokensOf, withOwnError, workOf } from '../../../src/shared/divergence/effect';
import type { EffectLimits, EffectRun } from '../../../src/shared/divergence/effect-plan';
import { EFFECT_LIMITS, NO_EFFECT_LIMITS, planEffects } from '../../../src/shared/divergence/effect-plan';
import type { JudgedNode } from '../../../src/shared/divergence/examine';
import type { GgmlOp } from '../../../src/shared/graph/ggml-op';
import type { Dims } from '../../../src/shared/graph/graph';
import { tensorOf } from '../../../src/shared/graph/graph';
import { GraphBuilder } from '../ops/graph-builder';

const ROW: Dims = [4, 1, 1, 1];

function errorAt(op: GgmlOp, wrong: number[], right: number[], more: Partial<OwnError> = {}): OwnError {
  const g = new GraphBuilder();
  const id = g.node('y', op, [wrong.length, 1, 1, 1], [g.leaf('input', 'x', ROW)]);
  const node = tensorOf(g.build(), id);
  const [w, r] = [Float32Array.from(wrong), Float32Array.from(right)];
  return { node, wrong: w, right: r, mask: undefined, pointedAt: undefined, ...more };
}

describe('a node’s own error on top of a right value', () => {
  const put = (values: number[], error: OwnError): number[] => [...withOwnError(Float32Array.from(values), error)];

  it('is what the candidate made of its own inputs, not what it inherited', () => {
    // its inputs were ten times too large, it itself is off by one
    expect(put([1, 2], errorAt('ADD', [11, 20], [10, 20]))).toEqual([2, 2]);
  });

  it('is the candidate’s value where it is NaN or infinite, or should have been', () => {
    const error = errorAt('ADD', [NaN, Infinity, 0, NaN, -Infinity], [1, 1, -Infinity, NaN, -Infinity]);
    expect(put([1, 2, -Infinity, 4, 5], error)).toEqual([NaN, Infinity, 0, 4, 5]);
  });

  it('is nothing in rows that a dump lacks', () => {
    expect(put([1, 2], errorAt('ADD', [7, 7], [6, 6], { mask: Uint8Array.of(0, 1) }))).toEqual([1, 3]);
  });

  it('is the candidate’s row of indices where they point at other values', () => {
    const pointedAt = Float32Array.from([0.1, 0.4, 0.4, 0.2]);
    expect(put([3, 2, 1, 0], errorAt('ARGSORT', [0, 3, 1, 2], [1, 2, 3, 0], { pointedAt }))).toEqual([0, 3, 1, 2]);
    // equal values may come in any order
    expect(put([3, 2, 1, 0], errorAt('ARGSORT', [2, 1, 3, 0], [1, 2, 3, 0], { pointedAt }))).toEqual([3, 2, 1, 0]);
  });
});

/** x → a → b → logits; a → idle; the cache is written from a and read by b. */
function smallGraph() {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', ROW);
  const cache = g.leaf('state', 'cache', ROW);
  const a = g.node('a', 'RMS_NORM', ROW, [x]);
  const idle = g.node('idle', 'SCALE', ROW, [a]);
  g.node('view:cache', 'SET_ROWS', ROW, [a, x, cache], { viewOf: cache });
  const b = g.node('b', 'ADD', ROW, [x, cache]);
  const logits = g.node('logits', 'MUL_MAT', [10, 1, 1, 1], [g.leaf('weight', 'w', [4, 10, 1, 1]), b]);
  return { graph: g.build(), a, idle, b, logits };
}

describe('what leads from a node to the answer', () => {
  it('goes through caches and leaves dead ends out', () => {
    const { graph, a, idle, b, logits } = smallGraph();
    const at = (id: typeof a) => tensorOf(graph, id);
    const path = [...leadingTo(graph, at(a), at(logits))].map((id) => at(id).key);
    expect(path.sort()).toEqual(['a', 'b', 'logits', 'view:cache']);
    expect(leadingTo(graph, at(idle), at(logits)).size).toBe(0);
    expect([...leadingTo(graph, at(logits), at(logits))]).toEqual([logits]);
    expect(workOf(graph, [b, logits])).toBe(4 + 40);
  });
});

describe('which errors are followed', () => {
  const { graph, a, idle, b, logits } = smallGraph();
  const bad = (id: typeof a, localNmse: number, cause: string | null, step = 0) => {
    const node = tensorOf(graph, id);
    const judged = { node, judgement: { localNmse }, stretch: [], writes: [] } as unknown as JudgedNode;
    return { step, graph, judged, cause: cause === null ? null : { id: cause, parameters: {} } };
  };
  const keys = (runs: readonly EffectRun[]): string[] =>
    runs.map(({ step, nodes }) => `${step}:${nodes.map((n) => n.node.key).join('+')}`);
  const plan = (nodes: Parameters<typeof planEffects>[0], limits: EffectLimits): string[] =>
    keys(planEffects(nodes, limits));

  it('takes the first, the largest, one of each bug, and each bug as a whole', () => {
    const nodes = [bad(a, 0.1, 'p'), bad(b, 0.9, 'p'), bad(logits, 0.2, 'q')];
    expect(plan(nodes, { ...EFFECT_LIMITS, repeated: 0 })).toEqual(['0:a', '0:b', '0:logits', '0:a+b']);
    expect(plan(nodes, NO_EFFECT_LIMITS)).toEqual(plan(nodes, EFFECT_LIMITS));
  });

  it('leaves out what leads nowhere, and what would take too long', () => {
    expect(plan([bad(idle, 1, null)], NO_EFFECT_LIMITS)).toEqual([]);
    const [small, large] = [bad(a, 1, 'p'), bad(logits, 0.2, 'q')];
    // the logits by themselves, in the right run and with the error: 3 × 40
    expect(plan([large], { telling: 119, repeated: 0 })).toEqual([]);
    expect(plan([small, large], { telling: 119, repeated: 0 })).toEqual(['0:a']);
    expect(plan([bad(a, 1, 'p')], { telling: 0, repeated: 100 })).toEqual([]);
  });

  it('takes a bug as a whole in the step where it shows first', () => {
    const nodes = [bad(a, 0.1, 'p'), bad(b, 0.1, 'p'), bad(a, 0.1, 'p', 1), bad(b, 0.1, 'p', 1)];
    expect(plan(nodes, NO_EFFECT_LIMITS)).toEqual(['0:a', '0:a+b', '0:b', '1:a', '1:b']);
  });
});

describe('an effect', () => {
  const row = (...logits: number[]): Float32Array => Float32Array.from(logits);

  it('compares the answers', () => {
    const turned = effectOf(row(0, 3), row(3, 0))!;
    expect(turned).toMatchObject({ sameTop: false, token: { token: 0 }, right: { token: 1 } });
    expect(turned.kld).toBeCloseTo(3 * (1 / (1 + Math.exp(-3)) - 1 / (1 + Math.exp(3))));
    expect(effectOf(row(0, 3), row(0, 3))).toMatchObject({ kld: 0, sameTop: true, token: { token: 1 } });
    expect(tokensOf([turned])).toEqual([1, 0]);
    expect(spoken(turned, (t) => `t${t}`)).toMatchObject({ token: { text: 't0' }, right: { text: 't1' } });
  });

  it('has no token where no logit is a number, and no divergence that JSON cannot hold', () => {
    expect(effectOf(row(0, 3), row(NaN, NaN))).toMatchObject({ kld: null, sameTop: false, token: null });
    expect(effectOf(row(0, 3), row(0, -Infinity))).toMatchObject({ kld: null, token: { token: 0 } });
    expect(effectOf(row(NaN, NaN), row(0, 1))).toBeUndefined();
  });
});
