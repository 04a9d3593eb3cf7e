import { describe, expect, it } from 'vitest';
import { f16ToF32, f32ToF16 } from '../../../../../src/shared/base/float-bits';
import {
  ACTIVATION_KIND,
  GATE_LIMITS,
  GATE_PART,
  GATE_UP_SWAPPED,
} from '../../../../../src/shared/diagnosis/hypotheses/layers/glu';
import { F16_OVERFLOW, HALF_ROUNDING } from '../../../../../src/shared/diagnosis/hypotheses/layers/half-store';
import { LOOKUP_INDEX } from '../../../../../src/shared/diagnosis/hypotheses/layers/lookup';
import { EXP_OVERFLOW } from '../../../../../src/shared/diagnosis/hypotheses/layers/overflow';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import type { OpKind } from '../../../../../src/shared/graph/ggml-op';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { floatBits } from '../../../ops/op-helpers';
import { bestOf } from '../../try-hypothesis';
import { expectExplained, nodeSite, values, withWrong } from './node-site';

const N = 47;
const ROWS = 5;
const ne: Dims = [N, ROWS, 1, 1];
const gate = values(N * ROWS, 1, 4);
const up = values(N * ROWS, 2, 3);

const silu = (v: number): number => v / (1 + Math.exp(-v));
const geluTanh = (v: number): number => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));

function glu(kind: OpKind, params: readonly number[] = []): Site {
  const sources = [
    { name: 'gate', ne, values: gate },
    { name: 'up', ne, values: up },
  ];
  return nodeSite({ op: 'GLU', kind, ne, params, sources });
}
const pairs = (f: (g: number, u: number) => number): Float32Array => gate.map((g, i) => f(g, up[i]!));

describe('gated units', () => {
  it('gate and up swapped', async () => {
    await expectExplained(
      GATE_UP_SWAPPED,
      glu('SWIGLU'),
      pairs((g, u) => silu(u) * g),
      'swapped',
    );
    await expectExplained(
      GATE_UP_SWAPPED,
      glu('GEGLU'),
      pairs((g, u) => geluTanh(u) * g),
      'swapped',
    );
  });

  it('packed halves read as neighbours', async () => {
    const packed = values(2 * N * ROWS, 3, 3);
    const sources = [{ name: 'gate_up', ne: [2 * N, ROWS, 1, 1] as Dims, values: packed }];
    const site = nodeSite({ op: 'GLU', kind: 'SWIGLU', ne, sources });
    const wrong = gate.map((_, i) => {
      const from = Math.floor(i / N) * 2 * N + 2 * (i % N);
      return silu(packed[from]!) * packed[from + 1]!;
    });
    await expectExplained(GATE_UP_SWAPPED, site, wrong, 'read as neighbours');
  });

  it('another activation, or none', async () => {
    await expectExplained(
      ACTIVATION_KIND,
      glu('SWIGLU'),
      pairs((g, u) => geluTanh(g) * u),
      'GELU',
    );
    await expectExplained(
      ACTIVATION_KIND,
      glu('GEGLU'),
      pairs((g, u) => silu(g) * u),
      'SILU',
    );
    await expectExplained(
      ACTIVATION_KIND,
      glu('SWIGLU'),
      pairs((g, u) => g * u),
      'none',
    );
    const quick = pairs((g, u) => (g / (1 + Math.exp(-1.702 * g))) * u);
    await expectExplained(ACTIVATION_KIND, glu('GEGLU'), quick, 'GELU_QUICK');
    const single = nodeSite({ op: 'UNARY', kind: 'GELU_ERF', ne, sources: [{ name: 'x', ne, values: gate }] });
    const tried = await expectExplained(ACTIVATION_KIND, single, gate.map(geluTanh), 'GELU');
    expect(tried.parameters).toEqual({ activation: 'GELU', right: 'GELU_ERF' });
  });

  it('a factor left out', async () => {
    await expectExplained(GATE_PART, glu('SWIGLU'), gate.map(silu), 'f(gate)');
    await expectExplained(GATE_PART, glu('SWIGLU'), up, 'up');
    await expectExplained(
      GATE_PART,
      glu('SWIGLU'),
      pairs((g, u) => silu(g) + u),
      'f(gate) + up',
    );
  });

  it('limit, alpha and the 1 of GPT-OSS', async () => {
    const site = glu('SWIGLU_OAI', [0, 0, floatBits(1.702), floatBits(2)]);
    const clamp = (v: number): number => Math.max(-2, Math.min(2, v));
    const oai = (alpha: number, limit: boolean, plus: number) => (g: number, u: number) => {
      const a = limit ? Math.min(g, 2) : g;
      return (a / (1 + Math.exp(-alpha * a))) * ((limit ? clamp(u) : u) + plus);
    };
    await expectExplained(GATE_LIMITS, site, pairs(oai(1.702, false, 1)), 'limits ignored');
    await expectExplained(GATE_LIMITS, site, pairs(oai(1, true, 1)), 'alpha ignored');
    await expectExplained(GATE_LIMITS, site, pairs(oai(1.702, true, 0)), '1 not added to up');
    const tried = await expectExplained(GATE_LIMITS, site, pairs(oai(1.3, true, 1)), 'another alpha');
    expect(Number(tried.parameters.alpha)).toBeCloseTo(1.3, 3);
  });
});

describe('overflow', () => {
  const large = values(N * ROWS, 4, 120);
  const unary = (kind: OpKind): Site =>
    nodeSite({ op: 'UNARY', kind, ne, sources: [{ name: 'x', ne, values: large }] });
  const f32 = Math.fround;

  it('tanh and SiLU by formulas that give NaN', async () => {
    const wrong = large.map((v) => {
      const e = f32(Math.exp(f32(2 * v)));
      return f32(f32(e - 1) / f32(e + 1));
    });
    expect(wrong.some(Number.isNaN)).toBe(true);
    await expectExplained(EXP_OVERFLOW, unary('TANH'), wrong, '(e^2x − 1) / (e^2x + 1) in f32');
    const half = (v: number): number => f16ToF32(f32ToF16(v));
    const exp = large.map((v) => half(Math.exp(v)));
    await expectExplained(EXP_OVERFLOW, unary('EXP'), exp, 'e^x in f16');
  });

  it('applies only where something overflows', () => {
    const site = nodeSite({ op: 'UNARY', kind: 'TANH', ne, sources: [{ name: 'x', ne, values: up }] });
    expect([...EXP_OVERFLOW.variants(site)]).toEqual([]);
  });

  it('f16 stores: infinite or held at 65504', async () => {
    const huge = values(N * ROWS, 5, 50000);
    const sources = [
      { name: 'a', ne, values: huge },
      { name: 'b', ne, values: huge },
    ];
    const site = nodeSite({ op: 'ADD', ne, sources });
    const sums = huge.map((v) => 2 * v);
    const infinite = sums.map((v) => f16ToF32(f32ToF16(v)));
    expect(infinite.some((v) => v === Infinity)).toBe(true);
    const tried = await bestOf(F16_OVERFLOW, withWrong(site, infinite));
    expect(tried?.label).toBe('infinite');
    expect(tried?.share).toBeGreaterThan(0.99);
    const held = sums.map((v) => Math.max(-65504, Math.min(65504, v)));
    await expectExplained(F16_OVERFLOW, site, held, 'held at 65504, the rest in f32');
  });
});

describe('conversion to 16 bits', () => {
  /** By neighbours: all f16 around the value, not through the nearest one. */
  const towardsZero = (v: number): number => {
    const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(v)))) - 10);
    return v === 0 ? 0 : Math.trunc(v / step) * step;
  };

  it('cuts bits off', async () => {
    const sources = [
      { name: 'a', ne, values: gate },
      { name: 'b', ne, values: up },
    ];
    const site = nodeSite({ op: 'MUL', ne, sources });
    await expectExplained(HALF_ROUNDING, site, site.right.map(towardsZero), 'f16, towards zero');
    const cut = Float32Array.from(site.right);
    const words = new Uint32Array(cut.buffer);
    words.forEach((w, i) => (words[i] = w & 0xffff0000));
    await expectExplained(HALF_ROUNDING, site, cut, 'bf16, towards zero');
  });

  it('flushes subnormals, where there are any', async () => {
    const small = gate.map((v, i) => (i % 3 === 0 ? v * 2 ** -17 : v));
    const at = (x: Float32Array) =>
      nodeSite({ op: 'SCALE', ne, params: [floatBits(1), 0], sources: [{ name: 'x', ne, values: x }] });
    // 2^-14 is the least normal f16
    const flushed = small.map((v) => (Math.abs(v) < 2 ** -14 ? 0 : f16ToF32(f32ToF16(v))));
    expect(flushed.filter((v) => v === 0).length).toBeGreaterThan(50);
    const site = withWrong(at(small), flushed);
    const label = 'f16, subnormals flushed';
    const variant = [...HALF_ROUNDING.variants(site)].find((v) => v.label === label);
    expect(variant && 'predict' in variant && [...variant.predict(site)]).toEqual([...flushed]);
    await expectExplained(HALF_ROUNDING, at(small), flushed, label);
    // values that f16 holds as normal numbers, or not at all
    for (const x of [
      gate,
      gate.map((v, i) => (i % 3 === 0 ? 0 : v)),
      gate.map((v, i) => (i % 3 === 0 ? v * 2 ** -28 : v)),
    ]) {
      expect([...HALF_ROUNDING.variants(withWrong(at(x), x))].map((v) => v.label)).not.toContain(label);
    }
  });

  it('of rows written into an f16 cache', async () => {
    const cache: Dims = [N, 12, 1, 1];
    const before = values(N * 12, 6).map((v) => f16ToF32(f32ToF16(v)));
    const at = [7, 8, 9, 10, 11];
    const sources = [
      { name: 'K', ne, values: gate },
      { name: 'rows', ne: [ROWS, 1, 1, 1] as Dims, values: Float32Array.from(at), type: 'I32' as const },
    ];
    const written = before.slice();
    const nearest = before.slice();
    at.forEach((row, i) => {
      const rows = gate.subarray(i * N, (i + 1) * N);
      written.set(rows.map(towardsZero), row * N);
      nearest.set(
        rows.map((v) => f16ToF32(f32ToF16(v))),
        row * N,
      );
    });
    const site = { ...nodeSite({ op: 'SET_ROWS', ne: cache, type: 'F16', sources, before }), right: nearest };
    await expectExplained(HALF_ROUNDING, site, written, 'f16, towards zero');
  });
});

describe('look-up', () => {
  const rows = 40;
  const table = values(N * rows, 7);
  const ids = [1, 17, 5, 39, 22];
  const site = nodeSite({
    op: 'GET_ROWS',
    ne,
    sources: [
      { name: 'token_embd.weight', ne: [N, rows, 1, 1], values: table, weight: true },
      { name: 'tokens', ne: [ROWS, 1, 1, 1], values: Float32Array.from(ids), type: 'I32' },
    ],
  });
  const of = (index: (id: number, at: number) => number): number[] =>
    ids.flatMap((id, at) => [...table.subarray(index(id, at) * N, (index(id, at) + 1) * N)]);

  it.each<[string, (id: number, at: number) => number]>([
    ['index one too high', (id) => Math.min(39, id + 1)],
    ['index one too low', (id) => id - 1],
    ['all of the first index', () => 1],
    ['of the token before', (_, at) => ids[Math.max(0, at - 1)]!],
    ['in reverse order', (_, at) => ids[ROWS - 1 - at]!],
  ])('%s', async (label, index) => {
    await expectExplained(LOOKUP_INDEX, site, of(index), label);
  });

  it('reads the table transposed', async () => {
    const wrong = ids.flatMap((id) => Array.from({ length: N }, (_, i) => table[i * rows + id]!));
    await expectExplained(LOOKUP_INDEX, site, wrong, 'table read transposed');
  });
});
