import { describe, expect, it } from 'vitest';

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
