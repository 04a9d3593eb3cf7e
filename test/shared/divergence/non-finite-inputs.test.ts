import { describe, expect, it } from 'vitest';

import type { GgmlOp } from '../../../src/shared/graph/ggml-op';
import type { Dims } from '../../../src/shared/graph/graph';
import { tensorOf } from '../../../src/shared/graph/graph';
import { NonFiniteInputs } from '../../../src/shared/divergence/non-finite-inputs';
import { GraphBuilder } from '../ops/graph-builder';

interface Case {
  readonly op: GgmlOp;
  readonly ne: Dims;
  /** Shapes and values of the sources. */
  readonly sources: readonly (readonly [Dims, readonly number[]])[];
  readonly exact: readonly number[];
  readonly candidate: readonly number[];
  readonly stretchLength?: number;
}

/** The mask under which a node is judged that differs from exact arithmetic somewhere; `nothing` where none is left. */
function judgedUnder({ op, ne, sources, exact, candidate, stretchLength = 1 }: Case): string {
  const g = new GraphBuilder();
  const ids = sources.map(([dims], i) => g.leaf('input', `x${i}`, dims));
  const id = g.node('y-0', op, ne, ids);
  const graph = g.build();
  const node = {
    tensor: tensorOf(graph, id),
    exact: Float32Array.from(exact),
    candidate: Float32Array.from(candidate),
    stretchLength,
    source: (index: number) => {
      const source = sources[index];
      return source && { ne: source[0], values: Float32Array.from(source[1]) };
    },
  };
  const found = new NonFiniteInputs(graph).apart(
    node,
    () => false,
    (isFine) => isFine,
  );
  return found ? (found.mask?.join('') ?? 'all') : 'nothing';
}

const [N, I] = [NaN, Infinity];
const TWO: Dims = [2, 2, 1, 1];

describe('what is judged where inputs are NaN or infinite', () => {
  it('everything, where they are finite', () => {
    expect(
      judgedUnder({
        op: 'RMS_NORM',
        ne: TWO,
        sources: [[TWO, [1, 2, 3, 4]]],
        exact: [1, 1, 1, 1],
        candidate: [N, 1, 1, 1],
      }),
    ).toBe('all');
  });

  it('the other rows, of an op by rows', () => {
    const c = { ne: TWO, exact: [N, N, 1, 1], candidate: [0, 0, 2, 2] };
    expect(judgedUnder({ ...c, op: 'RMS_NORM', sources: [[TWO, [N, 2, 3, 4]]] })).toBe('0011');
    expect(judgedUnder({ ...c, op: 'SOFT_MAX', sources: [[TWO, [I, 2, 3, 4]]] })).toBe('0011');
    // a norm's own weight feeds every row
    expect(judgedUnder({ ...c, op: 'ARGSORT', sources: [[TWO, [N, N, N, N]]] })).toBe('nothing');
  });

  it('everything, where −Inf masks', () => {
    const masked = [-I, 2, 3, -I];
    const c = { ne: TWO, exact: [0, 1, 1, 0], candidate: [0.5, 0.5, 1, 0] };
    expect(judgedUnder({ ...c, op: 'SOFT_MAX', sources: [[TWO, masked]] })).toBe('all');
    expect(judgedUnder({ ...c, op: 'ARGSORT', sources: [[TWO, masked]] })).toBe('all');
    const sum = { ne: TWO, exact: [-I, 3, 4, 5], candidate: [0, 3, 4, 5] };
    expect(
      judgedUnder({
        ...sum,
        op: 'ADD',
        sources: [
          [TWO, [1, 2, 3, 4]],
          [TWO, [-I, 1, 1, 1]],
        ],
      }),
    ).toBe('all');
  });

  it('an addition of NaN, but not what Inf − Inf gives, nor either behind a stretch', () => {
    const nan = { op: 'ADD', ne: TWO, exact: [N, 1, 1, 1], candidate: [0, 1, 1, 1] } as const;
    const zeros: readonly [Dims, readonly number[]] = [TWO, [0, 1, 1, 1]];
    expect(judgedUnder({ ...nan, sources: [[TWO, [N, 0, 0, 0]], zeros] })).toBe('all');
    expect(
      judgedUnder({
        ...nan,
        sources: [
          [TWO, [I, 0, 0, 0]],
          [TWO, [-I, 1, 1, 1]],
        ],
      }),
    ).toBe('0111');
    expect(judgedUnder({ ...nan, sources: [[TWO, [N, 0, 0, 0]], zeros], stretchLength: 2 })).toBe('0111');
  });

  it('the elements of a clamp that are not fed', () => {
    expect(
      judgedUnder({
        op: 'CLAMP',
        ne: TWO,
        sources: [[TWO, [1, N, 3, 4]]],
        exact: [1, 0, 3, 4],
        candidate: [1, N, 3, 9],
      }),
    ).toBe('1011');
  });

  it('moves as they are', () => {
    expect(
      judgedUnder({
        op: 'CONT',
        ne: TWO,
        sources: [[TWO, [N, 2, 3, 4]]],
        exact: [N, 2, 3, 4],
        candidate: [0, 2, 3, 4],
      }),
    ).toBe('all');
  });

  it('the products of rows that are finite on both sides', () => {
    const a: readonly [Dims, readonly number[]] = [
      [2, 3, 1, 1],
      [1, 1, N, 1, 1, 1],
    ];
    const b: readonly [Dims, readonly number[]] = [TWO, [1, 1, I, 1]];
    const c = { op: 'MUL_MAT', ne: [3, 2, 1, 1], exact: [2, N, 2, I, N, I], candidate: [0, 0, 0, 0, 0, 0] } as const;
    expect(judgedUnder({ ...c, sources: [a, b] })).toBe('101000');
  });

  it('nothing of an op that mixes everything', () => {
    expect(
      judgedUnder({
        op: 'SSM_SCAN',
        ne: TWO,
        sources: [[TWO, [N, 2, 3, 4]]],
        exact: [N, 2, 3, 4],
        candidate: [0, 0, 0, 0],
      }),
    ).toBe('nothing');
  });

  it('nothing that is NaN throughout, though exact arithmetic says the same', () => {
    const g = new GraphBuilder();
    const x = g.leaf('input', 'x', TWO);
    const id = g.node('y-0', 'RMS_NORM', TWO, [x]);
    const graph = g.build();
    const values = new Float32Array(4).fill(NaN);
    const node = {
      tensor: tensorOf(graph, id),
      exact: values,
      candidate: values,
      stretchLength: 1,
      source: () => undefined,
    };
    const fine = (): boolean => true;
    expect(new NonFiniteInputs(graph).apart(node, fine, fine)).toBeUndefined();
  });

  it('nothing behind a node without a checkpoint that swallows NaN here, and may not there', () => {
    const g = new GraphBuilder();
    const x = g.leaf('input', 'x', TWO);
    const clamp = g.node('clamped-0', 'CLAMP', TWO, [x]);
    const end = g.node('y-0', 'RMS_NORM', TWO, [clamp]);
    const graph = g.build();
    const inputs = new NonFiniteInputs(graph);
    const nan = Float32Array.from([NaN, 1, 1, 1]);
    const finite = Float32Array.from([0, 1, 1, 1]);
    inputs.see(nan);
    inputs.pass({
      tensor: tensorOf(graph, clamp),
      exact: finite,
      stretchLength: 1,
      source: () => ({ ne: TWO, values: nan }),
    });
    const node = {
      tensor: tensorOf(graph, end),
      exact: finite,
      candidate: nan,
      stretchLength: 2,
      source: () => ({ ne: TWO, values: finite }),
    };
    expect(
      inputs.apart(
        node,
        () => false,
        (isFine) => isFine,
      ),
    ).toBeUndefined();
  });
});
