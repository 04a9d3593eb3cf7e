import { describe, expect, it } from 'vitest';
import { MOST_SPREAD } from '../../../src/shared/compare/tolerance';

import { nodeId } from '../../../src/shared/base/brand';
import type { NodeEvidence } from '../../../src/shared/divergence/judge';
import { judgeNode } from '../../../src/shared/divergence/judge';
import type { OpKind } from '../../../src/shared/graph/ggml-op';
import type { Dims, GraphTensor } from '../../../src/shared/graph/graph';

const CHANNELS = 512;
const TOKENS = 5;
const NE: Dims = [CHANNELS, TOKENS, 1, 1];

function tensor(kind: OpKind): GraphTensor {
  return {
    id: nodeId(0),
    name: 'x-0',
    key: 'x-0',
    role: 'node',
    op: 'MUL_MAT',
    kind,
    opParams: [],
    type: 'F32',
    ne: NE,
    nb: [4, 4 * CHANNELS, 4 * CHANNELS * TOKENS, 4 * CHANNELS * TOKENS],
    src: [],
    viewOffs: 0,
  };
}

/** Deterministic noise of standard deviation 1 (sum of uniforms). */
function noise(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return () => (uniform() + uniform() + uniform() + uniform()) * Math.sqrt(3);
}

function values(f: (i: number) => number): Float32Array {
  return Float32Array.from({ length: CHANNELS * TOKENS }, (_, i) => f(i));
}

const signal = noise(1);
const exact = values(() => signal());
const q8 = noise(2);
const ggml = exact.map((v) => v + 5e-3 * q8());

function evidence(candidate: Float32Array, kind: OpKind = 'MUL_MAT', extra: Partial<NodeEvidence> = {}): NodeEvidence {
  return {
    tensor: tensor(kind),
    candidate,
    exact,
    others: [ggml],
    dtype: 'F32',
    stretchLength: 1,
    maxPosition: 4,
    source: () => undefined,
    ...extra,
  };
}

describe('judgeNode', () => {
  it('calls either correct way clean, and a third with as much noise', () => {
    const other = noise(3);
    const third = exact.map((v) => v + 5e-3 * other());
    for (const candidate of [exact, ggml, third]) expect(judgeNode(evidence(candidate)).bad).toBe(false);
    expect(judgeNode(evidence(third)).noiseFloor).toBeCloseTo(2.5e-5, 5);
  });

  it('calls an error far above the spread bad and names the worst element', () => {
    const candidate = exact.slice();
    candidate[3 * CHANNELS + 17]! += 9;
    const j = judgeNode(evidence(candidate));
    expect(j.bad).toBe(true);
    expect(j.worst).toMatchObject({ index: [17, 3, 0, 0] });
    expect(j.why).toMatch(/the noise floor/);
  });

  it('calls zeros bad, however far correct ways lie apart', () => {
    const far = noise(4);
    const coarse = exact.map((v) => 0.4 * v + 0.3 * far());
    const zeros = judgeNode(
      evidence(
        values(() => 0),
        'MUL_MAT',
        { others: [coarse] },
      ),
    );
    expect(zeros).toMatchObject({ bad: true, noiseFloor: MOST_SPREAD });
    expect(judgeNode(evidence(coarse, 'MUL_MAT', { others: [coarse] })).bad).toBe(false);
  });

  it('finds one wrong weight row that the total error would swallow', () => {
    const candidate = exact.map((v, i) => (i % CHANNELS === 200 ? v * 0.8 : v));
    const j = judgeNode(evidence(candidate));
    expect(j.localNmse).toBeLessThan(10 * j.noiseFloor);
    expect(j.bad).toBe(true);
    expect(j.worst.index[0]).toBe(200);
    expect(j.why).toMatch(/row 200 of the weight/);
  });

  it('judges NaN first, and not where the right result is NaN as well', () => {
    const broken = exact.slice();
    broken[5] = NaN;
    expect(judgeNode(evidence(broken))).toMatchObject({ bad: true, nonFinite: { index: [5, 0, 0, 0] } });
    const inherited = { exact: broken, others: [broken] };
    expect(judgeNode(evidence(broken.slice(), 'ADD', inherited)).bad).toBe(false);
  });

  it('holds ops without a second way to the floor of the table', () => {
    const wrongEpsilon = exact.map((v) => v * (1 + 1e-5));
    expect(judgeNode(evidence(wrongEpsilon, 'RMS_NORM', { others: [] })).bad).toBe(true);
    const rounded = exact.map((v) => Math.fround(v * (1 + 2 ** -24)));
    expect(judgeNode(evidence(rounded, 'RMS_NORM', { others: [] })).bad).toBe(false);
  });

  it('widens the floor by what an f16 dump rounds away', () => {
    const stored = exact.map((v) => v * (1 + 2 ** -12));
    expect(judgeNode(evidence(stored, 'ADD', { others: [] })).bad).toBe(true);
    expect(judgeNode(evidence(stored, 'ADD', { others: [], dtype: 'F16' })).bad).toBe(false);
  });

  it('compares only what the dump has', () => {
    const candidate = exact.map((v, i) => (i < CHANNELS ? v : 1e6));
    const mask = Uint8Array.from(exact, (_, i) => (i < CHANNELS ? 1 : 0));
    expect(judgeNode(evidence(candidate, 'MUL_MAT', { mask })).bad).toBe(false);
  });
});

describe('judgeNode of a mat-mul with experts', () => {
  // Token t uses experts 3 and t.
  const ne: Dims = [CHANNELS, 2, 5, 1];
  const ids = Float32Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? 3 : 10 + (i - 1) / 2));
  const rng = noise(7);
  const right = Float32Array.from({ length: CHANNELS * 10 }, () => rng());
  const q8 = noise(8);
  const others = [right.map((v) => v + 5e-3 * q8())];
  const source = (index: number) => (index === 2 ? { ne: [2, 5, 1, 1] as Dims, values: ids } : undefined);
  const judge = (candidate: Float32Array) =>
    judgeNode(
      evidence(candidate, 'MUL_MAT_ID', {
        tensor: { ...tensor('MUL_MAT_ID'), ne },
        exact: right,
        others,
        source,
      }),
    );

  it('finds one wrong row of one expert, which other experts have right', () => {
    const j = judge(right.map((v, i) => (i % CHANNELS === 200 && ids[Math.floor(i / CHANNELS)] === 12 ? v * 0.8 : v)));
    expect(j).toMatchObject({ bad: true, expert: 12, worst: { index: [200, 1, 2, 0] } });
    expect(j.why).toMatch(/^row 200 of expert 12 is off by/);
    expect(judge(right).bad).toBe(false);
  });

  it('names the expert behind the worst element', () => {
    const candidate = right.slice();
    candidate[8 * CHANNELS + 5]! += 9;
    expect(judge(candidate)).toMatchObject({ bad: true, expert: 3, worst: { index: [5, 0, 4, 0] } });
  });
});

describe('the test of single channels', () => {
  it('leaves out what is not finite on either side', () => {
    const exactNaN = exact.map((v, i) => (i < CHANNELS ? NaN : v));
    const ggmlInf = ggml.map((v, i) => (i < CHANNELS ? Infinity : v));
    const extra = { exact: exactNaN, others: [ggmlInf] };
    for (const candidate of [exactNaN, ggmlInf]) {
      expect(judgeNode(evidence(candidate.slice(), 'MUL_MAT', extra)).bad).toBe(false);
    }
  });
});

describe('judgeNode of results that are indices', () => {
  const scores = Float32Array.of(5, 1, 5, 3, 2, 2, 9, 4);
  const judge = (kind: OpKind, ne: Dims, right: readonly number[], candidate: readonly number[]) =>
    judgeNode(
      evidence(Float32Array.from(candidate), kind, {
        tensor: { ...tensor(kind), ne },
        exact: Float32Array.from(right),
        others: [],
        source: () => ({ ne: [4, 2, 1, 1], values: scores }),
      }),
    );

  it('takes equal values in another order for right', () => {
    const sorted = [0, 2, 3, 1, 2, 3, 0, 1];
    expect(judge('ARGSORT', [4, 2, 1, 1], sorted, [2, 0, 3, 1, 2, 3, 1, 0])).toMatchObject({
      bad: false,
      localNmse: 0,
    });
    expect(judge('ARGMAX', [2, 1, 1, 1], [0, 2], [2, 2]).bad).toBe(false);
    expect(judge('TOP_K', [2, 2, 1, 1], [0, 2, 2, 3], [2, 0, 3, 2]).bad).toBe(false);
  });

  it('finds another value, and says what indices point at, not the indices', () => {
    const j = judge('ARGMAX', [2, 1, 1, 1], [0, 2], [0, 3]);
    expect(j).toMatchObject({ bad: true, worst: { index: [1, 0, 0, 0], reference: 9, candidate: 4 } });
    expect(judge('TOP_K', [2, 2, 1, 1], [0, 2, 2, 3], [0, 3, 2, 3]).bad).toBe(true);
    expect(judge('ARGSORT', [4, 2, 1, 1], [0, 2, 3, 1, 2, 3, 0, 1], [0, 2, 1, 3, 2, 3, 0, 1]).bad).toBe(true);
  });

  it.each([
    ['an index out of range', [0, 4]],
    ['no index at all', [0, NaN]],
  ])('finds %s', (_what, candidate) => {
    const j = judge('ARGMAX', [2, 1, 1, 1], [0, 2], candidate);
    expect(j).toMatchObject({ bad: true, nonFinite: { index: [1, 0, 0, 0], reference: 9 } });
    expect(j.why).toBe('NaN where a finite value is right');
  });

  it('finds an index that comes twice, though its values are right', () => {
    expect(judge('TOP_K', [2, 2, 1, 1], [0, 2, 2, 3], [0, 0, 2, 3])).toMatchObject({ bad: true });
  });
});

describe('judgeNode of a sum that cancels', () => {
  /** 1024 products that add up to almost nothing or exactly to it. */
  const SIZE = 1024;
  const unit = 2 ** -24;
  const a = Float32Array.from({ length: SIZE }, (_, i) => 1 + (i >> 1) / SIZE);
  const b = Float32Array.from({ length: SIZE }, (_, i) => (i % 2 === 0 ? 1 : -1));
  const length = Math.sqrt(a.reduce((sum, v) => sum + v * v, 0) * SIZE);

  const judge = (kind: OpKind, exactly: number, candidate: number, others: readonly number[] = []) =>
    judgeNode(
      evidence(Float32Array.of(candidate), kind, {
        tensor: { ...tensor(kind), ne: [1, 1, 1, 1] },
        exact: Float32Array.of(exactly),
        others: others.map((way) => Float32Array.of(way)),
        source: (index) => ({ ne: [SIZE, 1, 1, 1], values: kind === 'MUL_MAT' && index === 0 ? a : b }),
      }),
    );

  it.each([
    ['almost nothing', 1e-12],
    ['nothing at all', 0],
  ])('tolerates what f32 loses of a dot product that is %s, and not more', (_what, exactly) => {
    const lost = unit * length;
    for (const sign of [1, -1]) {
      expect(judge('MUL_MAT', exactly, exactly + sign * lost).bad).toBe(false);
      expect(judge('MUL_MAT', exactly, exactly + sign * 10 * lost).bad).toBe(true);
    }
    expect(judge('MUL_MAT', exactly, 1).bad).toBe(true);
    expect(judge('MUL_MAT', exactly, 1, [lost]).bad).toBe(true);
    expect(judge('MUL_MAT', exactly, lost, [-lost]).bad).toBe(false);
    expect(judge('MUL_MAT', exactly, NaN)).toMatchObject({ bad: true, nonFinite: { reference: Math.fround(exactly) } });
  });

  it.each([
    ['almost nothing', 1e-12],
    ['nothing at all', 0],
  ])('does the same for sums of a row that is %s', (_what, exactly) => {
    expect(judge('SUM_ROWS', exactly, exactly + unit * SIZE).bad).toBe(false);
    expect(judge('SUM_ROWS', exactly, exactly + 10 * unit * SIZE).bad).toBe(true);
    expect(judge('MEAN', exactly, exactly + unit).bad).toBe(false);
    expect(judge('MEAN', exactly, exactly + 10 * unit).bad).toBe(true);
  });

  it('says by how many floors in numbers that can be compared with those of other nodes', () => {
    const floorsOf = ({ localNmse, noiseFloor }: ReturnType<typeof judgeNode>): number => localNmse / noiseFloor;
    for (const exactly of [1e-12, 0]) {
      expect(floorsOf(judge('MUL_MAT', exactly, unit * length))).toBeCloseTo(1, 2);
      expect(floorsOf(judge('MUL_MAT', exactly, 100 * unit * length))).toBeCloseTo(1e4, -2);
    }
    expect(judge('MUL_MAT', 0, 100 * unit * length).why).toBe('local error is 1.00e+4× the noise floor');
  });

  it('does not hide an error elsewhere behind a value that is NaN on both sides', () => {
    const inherited = (candidate: readonly number[]): boolean =>
      judgeNode(
        evidence(Float32Array.from(candidate), 'MUL_MAT', {
          tensor: { ...tensor('MUL_MAT'), ne: [1, 3, 1, 1] },
          exact: Float32Array.of(NaN, 2, 3),
          others: [],
          source: (index) =>
            index === 0
              ? { ne: [1, 1, 1, 1], values: Float32Array.of(1) }
              : { ne: [1, 3, 1, 1], values: Float32Array.of(NaN, 2, 3) },
        }),
      ).bad;
    expect(inherited([NaN, 2, 3])).toBe(false);
    expect(inherited([NaN, 2, 30])).toBe(true);
  });

  it('asks for the very value where the op does not sum', () => {
    expect(judge('ADD', 0, unit).bad).toBe(true);
    expect(judge('ADD', 0, 0).bad).toBe(false);
  });
});
