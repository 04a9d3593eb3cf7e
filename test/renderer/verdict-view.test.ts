import { describe, expect, it } from 'vitest';
import {
  firstToShow,
  layerErrors,
  layerReadout,
  limitOf,
  nodeAxis,
  nodeReadout,
  onAxis,
  profileGroups,
  ratioAxis,
} from '../../src/renderer/ui/charts/error-profile';
import { cellPlace, heatCell, hottest } from '../../src/renderer/ui/charts/heat-cells';
import { layerErrorOption } from '../../src/renderer/ui/charts/layer-error-option';
import { nodeErrorOption } from '../../src/renderer/ui/charts/node-error-option';
import type { Palette } from '../../src/renderer/ui/charts/palette';
import { isLabelled, powerText } from '../../src/renderer/ui/charts/plot-style';
import { exportEntries } from '../../src/renderer/ui/verdict/export-entries';
import { parameterRows, parameterText } from '../../src/renderer/ui/verdict/parameter-rows';
import { ladderOf, STATE_LOOK } from '../../src/renderer/ui/verdict/preflight-ladder';
import { byteLines, differingElements, subBlockMarks, weightCells } from '../../src/renderer/ui/verdict/weight-cells';
import type { WeightFinding } from '../../src/shared/divergence/cause';
import { sampleBad, sampleEntry } from './sample-verdict';

/** Each colour by its own name. */
const PALETTE = new Proxy({}, { get: (_, name) => (name === 'lane' ? String : name) }) as Palette;

describe('error profile', () => {
  const profile = [
    sampleEntry('embd', null, { local: 0 }),
    sampleEntry('norm-0', 0),
    sampleEntry('node_3', null),
    sampleEntry('ffn_out-1', 1, { local: 1e-3, floor: 1e-6, inherited: 2e-3, bad: true }),
    sampleEntry('kq-1', 1, { local: 4e-13, inherited: null }),
    sampleEntry('result_output', null, { inherited: 1e5 }),
  ];

  it('groups nodes by layer, in graph order', () => {
    expect(profileGroups(profile)).toEqual([
      { label: 'in', start: 0, end: 1 },
      { label: '0', start: 1, end: 3 },
      { label: '1', start: 3, end: 5 },
      { label: 'out', start: 5, end: 6 },
    ]);
    expect(profileGroups([])).toEqual([]);
  });

  it('puts all of local error, floor and limit on the axis, and infinity at its top', () => {
    const axis = nodeAxis(profile);
    expect(axis.low).toBe(-14);
    expect(axis.high).toBe(2);
    expect(onAxis(0, axis)).toBe(axis.low);
    expect(onAxis(null, axis)).toBe(axis.high);
    expect(onAxis(1e9, axis)).toBe(axis.high);
    expect(onAxis(1e-3, axis)).toBeCloseTo(-3);
    expect(nodeAxis([])).toEqual({ low: 0, high: 2 });
  });

  it('takes a layer’s worst node by its limit, bad ones first', () => {
    const layers = layerErrors(profile);
    expect(layers.map((l) => l.worst.node)).toEqual(['embd', 'norm-0', 'ffn_out-1', 'result_output']);
    expect(layers[2]).toMatchObject({ bad: 1, inherited: 2e-3 });
    expect(layers[2]?.overLimit).toBeCloseTo(1e-3 / limitOf({ floor: 1e-6 }));
    // Bad by a few of its rows only: below the limit as a whole.
    const hidden = sampleEntry('Qcur-0', 0, { local: 1e-15, bad: true });
    expect(layerErrors([sampleEntry('norm-0', 0, { local: 4e-13 }), hidden])[0]?.worst).toBe(hidden);
    expect(ratioAxis(layers)).toEqual({ low: -4, high: 3 });
    const infinite = layerErrors([sampleEntry('kq-0', 0, { local: null, bad: true })]);
    expect(infinite[0]?.overLimit).toBe(Infinity);
    expect(onAxis(infinite[0]!.overLimit, ratioAxis(infinite))).toBe(ratioAxis(infinite).high);
  });

  it('reads out what was measured and what was not', () => {
    expect(nodeReadout(profile[3]!)).toBe('local 0.001, 1\u202f000× its floor 1.0e-6 · limit 5.0e-6 · inherited 0.002');
    expect(nodeReadout(profile[4]!)).toContain('inherited not measured');
    expect(nodeReadout(sampleEntry('kq-0', 0, { local: null }))).toContain('local non-finite, ∞×');
    expect(layerReadout(layerErrors(profile)[2]!)).toBe('200× its limit · 1 bad node · inherited at its end 0.002');
  });

  it('tells rounded nodes from bad ones, in the plots and in words', () => {
    const kq = sampleEntry('kq-0', 0, { local: 1e-11, rounded: true });
    const mixed = [
      kq,
      sampleEntry('norm-1', 1),
      sampleEntry('kq-1', 1, { local: 1e-9, bad: true }),
      { ...kq, layer: 1 },
    ];
    const layers = layerErrors(mixed);
    expect(layers.map(({ bad, rounded }) => [bad, rounded])).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(layers.map(layerReadout).map((text) => text.split(' · ')[1])).toEqual([
      'no bad nodes, 1 rounded',
      '1 bad node, 1 rounded',
    ]);
    expect([mixed, layers, mixed.slice(0, 2), profile.slice(0, 2), []].map(firstToShow)).toEqual([2, 1, 0, 0, 0]);
    expect(nodeReadout(kq)).toMatch(/ · only rounded$/);
    expect(nodeReadout(mixed[1]!)).not.toContain('rounded');
    const series = (option: object) => (option as { series: { name: string; data: unknown[] }[] }).series;
    const counts = series(nodeErrorOption(mixed, PALETTE)).map(({ name, data }) => [name, data.length]);
    expect(Object.fromEntries(counts)).toMatchObject({ local: 1, rounded: 2, bad: 1 });
    const bars = series(layerErrorOption(layers, PALETTE))[0]!.data;
    expect(bars).toMatchObject([{ itemStyle: { borderColor: 'rounded' } }, { itemStyle: { color: 'bad' } }]);
  });

  it('labels powers of ten, and layers as far as there is room', () => {
    expect([-3, 0, 1, 2, 3, 0.5].map(powerText)).toEqual(['1e-3', '1', '10', '100', '1e3', '']);
    expect(['in', '0', '3'].map((label) => isLabelled(label, 8))).toEqual([true, true, true]);
    expect(['in', '0', '3', '4'].map((label) => isLabelled(label, 32))).toEqual([false, true, false, true]);
  });
});

describe('heat map', () => {
  const heat = { columns: 2, rows: 2, elementsPerColumn: 4, rowsPerRow: 1, values: [0, null, 1e300, 0.5] };

  it('tells equal, not compared and infinite from an error', () => {
    expect(heat.values.map((v) => heatCell(v).kind)).toEqual(['equal', 'not-compared', 'non-finite', 'error']);
    expect(hottest(heat)).toBe(2);
    expect(hottest({ values: [] })).toBe(0);
  });

  it('says which elements a cell holds', () => {
    expect(cellPlace(heat, 0, 1)).toBe('elements 0…3, row 1');
    expect(cellPlace(heat, 1, 0)).toBe('elements from 4 on, row 0');
    expect(cellPlace({ ...heat, elementsPerColumn: 1, rowsPerRow: 3 }, 0, 0)).toBe('element 0, rows 0…2');
  });
});

describe('parameters of a cause', () => {
  it('pairs what was with what is right', () => {
    expect(parameterRows({ scale: 1, right: 0.125 })).toEqual([{ name: 'scale', was: '1', right: '0.125' }]);
    expect(parameterRows({ base: 1e6, rightBase: 10000, headDim: -64 })).toEqual([
      { name: 'base', was: '1000000', right: '10000' },
      { name: 'head dim', was: '−64', right: undefined },
    ]);
    expect(parameterRows({ right: 'f32' })).toEqual([{ name: 'right', was: 'f32', right: undefined }]);
    expect(parameterText({ pairing: 'halves', right: 'neighbours', eps: 1e-6 })).toBe(
      'pairing halves, right neighbours; eps 1.000e-6',
    );
    expect(parameterText({})).toBe('');
  });
});

describe('preflight ladder', () => {
  it('has four rungs, those nobody climbed not measured', () => {
    const ladder = ladderOf([{ id: 'weights', title: 'Weights', state: 'different', text: 'x', details: [] }]);
    expect(ladder.map((r) => [r.id, r.state])).toEqual([
      ['tokens', 'not-measured'],
      ['types', 'not-measured'],
      ['weights', 'different'],
      ['embedding', 'not-measured'],
    ]);
    expect(STATE_LOOK['not-measured'].tone).toBe('none');
  });
});

describe('weight block', () => {
  const reference = Array.from({ length: 256 }, (_, i) => (i + 1) / 256);
  const candidate = reference.map((v, i) => (i === 200 ? v / 2 : i === 3 ? v * (1 + 1e-8) : v));
  const weight: WeightFinding = {
    tensor: 'blk.0.attn_q.weight',
    type: 'Q4_K',
    row: 1,
    index: 2,
    bytes: 'd03f'.repeat(10),
    reference,
    candidate,
    how: 'solved',
    subBlocks: [6],
  };

  it('marks elements that differ by more than rounding', () => {
    expect([...differingElements(weight)]).toEqual([200]);
    const cells = weightCells(weight, false);
    expect(cells.different).toBe(1);
    expect(cells.candidate?.flatMap((c, i) => (c.marked === true ? [i] : []))).toEqual([200]);
    expect(cells.reference[200]?.label).toMatch(/^element 200: reference 0\.78516, candidate 0\.39258/);
    const nan = { ...weight, candidate: reference.map((v, i) => (i === 0 ? NaN : v)) };
    expect([...differingElements(nan)]).toEqual([0]);
    expect(weightCells({ ...weight, candidate: null }, true)).toMatchObject({ candidate: undefined, different: 0 });
  });

  it('shows sub-blocks only where the type has any', () => {
    expect(subBlockMarks(weight).map((m) => m.off)).toEqual([false, false, false, false, false, false, true, false]);
    expect(subBlockMarks({ ...weight, type: 'F32', reference: [1, 2] })).toEqual([]);
    expect(subBlockMarks({ ...weight, type: 'unknown(99)' })).toEqual([]);
  });

  it('breaks bytes into lines of sixteen', () => {
    expect(byteLines(weight.bytes).map((line) => line.split(' ').length)).toEqual([16, 4]);
    expect(byteLines('')).toEqual([]);
  });
});

describe('export menu', () => {
  it('offers no repro where no node is bad', () => {
    const disabled = (firstBad: ReturnType<typeof sampleBad> | null): string[] =>
      exportEntries({ firstBad }).flatMap((e) => (e.disabled === true ? [e.id] : []));
    expect(disabled(null)).toEqual(['repro']);
    expect(disabled(sampleBad())).toEqual([]);
  });
});
