import { describe, expect, it } from 'vitest';
import type { Dims } from '../../../src/shared/graph/graph';
import { erf } from '../../../src/shared/ops/erf';
import type { GluKind } from '../../../src/shared/ops/glu';
import { build, complaint, elementAt, floatBits, gappedStrides, nmse, randomValues, runOp, tensor } from './op-helpers';

const ALPHA = Math.fround(1.702);
const LIMIT = 2;
const sigma = (x: number): number => 1 / (1 + Math.exp(-x));
const clamp = (x: number): number => Math.min(LIMIT, Math.max(-LIMIT, x));
const EXPECTED: Readonly<Record<GluKind, (gate: number, up: number) => number>> = {
  REGLU: (g, u) => Math.max(g, 0) * u,
  GEGLU: (g, u) => 0.5 * g * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g ** 3))) * u,
  SWIGLU: (g, u) => g * sigma(g) * u,
  SWIGLU_OAI: (g, u) => Math.min(g, LIMIT) * sigma(ALPHA * Math.min(g, LIMIT)) * (clamp(u) + 1),
  GEGLU_ERF: (g, u) => 0.5 * g * (1 + erf(g / Math.SQRT2)) * u,
  GEGLU_QUICK: (g, u) => g * sigma(1.702 * g) * u,
  SWIGLU_CLAMP: (g, u) => Math.min(g, LIMIT) * sigma(Math.min(g, LIMIT)) * clamp(u),
};
const params = (swapped: number): number[] => [0, swapped, floatBits(ALPHA), floatBits(LIMIT)];

const ne: Dims = [7, 3, 2, 1];
const wide: Dims = [14, 3, 2, 1];
const values = randomValues(84, 3).map((v) => v * 6);

describe.each(Object.keys(EXPECTED) as GluKind[])('%s', (kind) => {
  const f = EXPECTED[kind];
  const halves = (gateFirst: boolean): Float32Array =>
    build(ne, ([i0, i1, i2, i3]) => {
      const [a, b] = [elementAt(values, wide, [i0, i1, i2, i3]), elementAt(values, wide, [i0 + 7, i1, i2, i3])];
      return gateFirst ? f(a, b) : f(b, a);
    });

  it('takes gate and up from the halves of one tensor, either way round', () => {
    const src = [tensor(wide, values, { nb: gappedStrides('F32', wide), offset: 4 })];
    expect(nmse(runOp({ kind, ne, src, params: params(0) }), halves(true))).toBeLessThan(1e-14);
    expect(nmse(runOp({ kind, ne, src, params: params(1) }), halves(false))).toBeLessThan(1e-14);
  });

  it('takes gate and up from two tensors, and then ignores `swapped`', () => {
    const gate = values.subarray(0, 42);
    const up = values.subarray(42);
    const expected = build(ne, (i) => f(elementAt(gate, ne, i), elementAt(up, ne, i)));
    const src = [tensor(ne, gate, { nb: gappedStrides('F32', ne) }), tensor(ne, up)];
    expect(nmse(runOp({ kind, ne, src, params: params(1) }), expected)).toBeLessThan(1e-14);
  });

  it('is near its formula in ggml arithmetic', () => {
    const got = runOp({ kind, ne, src: [tensor(wide, values)], params: params(0), arithmetic: 'ggml' });
    // GEGLU and GEGLU_QUICK look up f16 values.
    expect(nmse(got, halves(true))).toBeLessThan(kind === 'GEGLU' || kind === 'GEGLU_QUICK' ? 1e-6 : 1e-13);
  });

  it('refuses a tensor that is not twice as wide', () => {
    expect(complaint({ kind, ne, src: [tensor(ne, [])], params: params(0) })).toContain('[14, 3, 2, 1] is expected');
  });
});
