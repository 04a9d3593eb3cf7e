import { describe, expect, it } from 'vitest';
import type { Dims } from '../../../src/shared/graph/graph';
import { build, complaint, elementAt, floatBits, gappedStrides, nmse, randomValues, runOp, tensor } from './op-helpers';

interface Rope {
  readonly dims: number;
  readonly mode?: number;
  readonly originalContext?: number;
  readonly freqBase?: number;
  readonly freqScale?: number;
  readonly extFactor?: number;
  readonly attnFactor?: number;
  readonly firstChannel?: number;
}

function paramsOf(r: Rope): number[] {
  const f = floatBits;
  const floats = [f(r.freqBase ?? 10_000), f(r.freqScale ?? 1), f(r.extFactor ?? 0), f(r.attnFactor ?? 1), f(32), f(1)];
  return [0, r.dims, r.mode ?? 0, 0, r.originalContext ?? 4096, ...floats, 0, 0, 0, 0, r.firstChannel ?? 0];
}

const ne: Dims = [16, 3, 4, 2];
const x = randomValues(16 * 24, 2);
const POSITIONS = [0, 1, 17, 4000];

/** Multiplication of complex numbers, pair by pair. */
function rotated(r: Rope, angle: (pair: number, position: number) => number, magnitude = 1): Float32Array {
  const first = r.firstChannel ?? 0;
  const half = r.dims / 2;
  return build(ne, ([c, i1, i2, i3]) => {
    const at = (channel: number): number => elementAt(x, ne, [channel, i1, i2, i3]);
    const inside = c - first;
    if (inside < 0 || inside >= r.dims) return at(c);
    const neox = r.mode === 2;
    const pair = neox ? inside % half : Math.floor(inside / 2);
    const isSecond = neox ? inside >= half : inside % 2 === 1;
    const re = at(first + (neox ? pair : 2 * pair));
    const im = at(first + (neox ? pair + half : 2 * pair + 1));
    const t = angle(pair, POSITIONS[i2]!);
    return magnitude * (isSecond ? re * Math.sin(t) + im * Math.cos(t) : re * Math.cos(t) - im * Math.sin(t));
  });
}

const plain = (r: Rope) => (pair: number, position: number) =>
  position * Math.fround(r.freqBase ?? 10_000) ** ((-2 * pair) / r.dims);

function run(r: Rope, arithmetic: 'exact' | 'ggml' = 'exact', factors?: Float32Array): Float32Array {
  const positions = tensor([4, 1, 1, 1], POSITIONS, { type: 'I32' });
  const src = [
    tensor(ne, x, { nb: gappedStrides('F32', ne), offset: 4 }),
    positions,
    factors && tensor([factors.length, 1, 1, 1], factors),
  ];
  return runOp({ kind: 'ROPE', ne, src, params: paramsOf(r), arithmetic });
}

describe('ROPE', () => {
  const cases: readonly (readonly [string, Rope])[] = [
    ['NORM', { dims: 16 }],
    ['NEOX', { dims: 16, mode: 2 }],
    ['NORM over a part of the channels', { dims: 10 }],
    ['NEOX over a part of the channels', { dims: 6, mode: 2 }],
    ['NEOX from a later channel on', { dims: 8, mode: 2, firstChannel: 4 }],
    ['another base', { dims: 16, freqBase: 500_000 }],
  ];

  it.each(cases)('%s rotates pairs', (_name, r) => {
    expect(nmse(run(r), rotated(r, plain(r)))).toBeLessThan(1e-15);
    // Angles of 4000 radians in f32 leave some 1e-4 of them.
    expect(nmse(run(r, 'ggml'), rotated(r, plain(r)))).toBeLessThan(1e-7);
  });

  it('leaves position 0 as it is', () => {
    const got = run({ dims: 16 });
    const firstToken = build([16, 3, 1, 1], ([c, h]) => elementAt(x, ne, [c, h, 0, 0]));
    expect(got.subarray(0, 48)).toEqual(firstToken);
  });

  it('divides angles by frequency factors', () => {
    const r: Rope = { dims: 16 };
    const factors = Float32Array.from({ length: 9 }, (_, i) => 1 + i / 4);
    const expected = rotated(r, (pair, position) => plain(r)(pair, position) / factors[pair]!);
    expect(nmse(run(r, 'exact', factors), expected)).toBeLessThan(1e-15);
  });

  it('scales frequencies and magnitudes', () => {
    const r: Rope = { dims: 16, freqScale: 0.25, attnFactor: 1.5 };
    const expected = rotated(r, (pair, position) => plain(r)(pair, position) / 4, 1.5);
    expect(nmse(run(r), expected)).toBeLessThan(1e-15);
  });

  it('fades from extrapolation to interpolation (YaRN)', () => {
    const r: Rope = { dims: 16, mode: 2, freqScale: 0.25, extFactor: 1, attnFactor: 1, originalContext: 4096 };
    // Pairs whose wavelength fits the context 32 times, and once: dims × ln(context / (n × 2π)) / (2 ln base).
    const bound = (n: number): number => (16 * Math.log(4096 / (n * 2 * Math.PI))) / (2 * Math.log(10_000));
    const low = Math.max(0, Math.floor(bound(32)));
    const high = Math.min(15, Math.ceil(bound(1)));
    expect([low, high]).toEqual([2, 6]);
    const expected = rotated(
      r,
      (pair, position) => {
        const mix = 1 - Math.min(1, Math.max(0, (pair - low) / (high - low)));
        const theta = plain(r)(pair, position);
        return (theta / 4) * (1 - mix) + theta * mix;
      },
      1 + 0.1 * Math.log(4),
    );
    expect(nmse(run(r), expected)).toBeLessThan(1e-15);
    expect(nmse(run(r, 'ggml'), expected)).toBeLessThan(1e-7);
  });

  it('names a mode that it does not know', () => {
    const src = [tensor(ne, x), tensor([16, 1, 1, 1], [], { type: 'I32' })];
    expect(complaint({ kind: 'ROPE', ne, src, params: paramsOf({ dims: 16, mode: 10 }) })).toBe(
      'not measured: ROPE (mode 10)',
    );
  });

  it('reads positions by their strides', () => {
    const positions = tensor([4, 1, 1, 1], POSITIONS, { type: 'I64', nb: [24, 96, 96, 96], offset: 8 });
    const src = [tensor(ne, x), positions];
    const got = runOp({ kind: 'ROPE', ne, src, params: paramsOf({ dims: 16 }) });
    expect(got).toEqual(run({ dims: 16 }));
  });

  it('is undone by ROPE_BACK', () => {
    const turned = tensor(ne, run({ dims: 16, mode: 2 }));
    const src = [turned, tensor([4, 1, 1, 1], POSITIONS, { type: 'I32' })];
    expect(nmse(runOp({ kind: 'ROPE_BACK', ne, src, params: paramsOf({ dims: 16, mode: 2 }) }), x)).toBeLessThan(1e-14);
  });

  it('refuses sections that make no sense', () => {
    const src = [tensor(ne, x), tensor([16, 1, 1, 1], [], { type: 'I32' })];
    const sectioned = (...sections: number[]): number[] => [
      ...paramsOf({ dims: 16, mode: 8 }).slice(0, 11),
      ...sections,
      0,
    ];
    const why = (...sections: number[]): string | undefined =>
      complaint({ kind: 'ROPE', ne, src, params: sectioned(...sections) });
    expect(why(4, 2, 2, 0)).toBeUndefined();
    expect(why(0, 0, 0, 5)).toBe('not measured: ROPE (sections [0, 0, 0, 5])');
    expect(why(4, -1, 2, 0)).toBe('not measured: ROPE (sections [4, -1, 2, 0])');
    expect(why(8, 8, 8, 0)).toBe('not measured: ROPE (sections [8, 8, 8, 0])');
  });

  it('refuses as many positions as there are not tokens, and odd channels', () => {
    const src = [tensor(ne, x), tensor([3, 1, 1, 1], [], { type: 'I32' })];
    expect(complaint({ kind: 'ROPE', ne, src, params: paramsOf({ dims: 16 }) })).toContain('3 positions for 4 tokens');
    const right = [tensor(ne, x), tensor([4, 1, 1, 1], [], { type: 'I32' })];
    expect(complaint({ kind: 'ROPE', ne, src: right, params: paramsOf({ dims: 18 }) })).toContain(
      '18 rotated channels',
    );
  });
});
