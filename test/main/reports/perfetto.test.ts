import { describe, expect, it } from 'vitest';
import type { TimedLane } from '../../../src/main/reports/lane-times';
import { perfettoTrace } from '../../../src/main/reports/perfetto';

const node = (name: string, layer: number | null, microseconds: number, step = 0): TimedLane['nodes'][number] => ({
  node: name,
  op: 'MUL_MAT',
  layer,
  step,
  microseconds,
});

const LANES: readonly TimedLane[] = [
  {
    lane: 'llama',
    nodes: [node('embd', null, 3.3), node('q-0', 0, 0.1), node('k-0', 0, 0.2), node('q-1', 1, 7), node('q-0', 0, 5, 1)],
  },
  { lane: 'webgpu', nodes: [node('q-0', 0, 41.25)] },
];

describe('Chrome trace events', () => {
  const { traceEvents } = JSON.parse(JSON.stringify(perfettoTrace(LANES, 'm.gguf'))) as ReturnType<
    typeof perfettoTrace
  >;
  const slices = traceEvents.filter((e) => e.ph === 'X');

  it('have the fields of complete events and a named track per lane', () => {
    for (const e of slices) {
      expect(e).toMatchObject({ pid: 1, name: expect.any(String) as string, cat: expect.any(String) as string });
      expect(Number.isFinite(e.ts) && Number.isFinite(e.dur) && (e.dur as number) >= 0).toBe(true);
    }
    const names = traceEvents.filter((e) => e.name === 'thread_name');
    expect(names.map((e) => [e.tid, e.args?.['name']])).toEqual([
      [1, 'llama'],
      [2, 'webgpu'],
    ]);
    expect(new Set(slices.map((e) => e.tid))).toEqual(new Set([1, 2]));
  });

  it('hold every node with its time, after one another, inside its layer and step', () => {
    const own = slices.filter((e) => e.tid === 1 && e.cat === 'MUL_MAT');
    expect(own.map((e) => [e.name, e.dur])).toEqual([
      ['embd', 3.3],
      ['q-0', 0.1],
      ['k-0', 0.2],
      ['q-1', 7],
      ['q-0', 5],
    ]);
    own.forEach((e, i) => i > 0 && expect(e.ts).toBeCloseTo(own[i - 1]!.ts! + own[i - 1]!.dur!, 9));
    expect(own[1]?.args).toEqual({ op: 'MUL_MAT', layer: 0, step: 0 });
    const layers = slices.filter((e) => e.tid === 1 && e.cat === 'layer').map((e) => [e.name, e.ts, e.dur]);
    expect(layers).toEqual([
      ['layer 0', 3.3, 0.3],
      ['layer 1', 3.6, 7],
      ['layer 0', 10.6, 5],
    ]);
    const steps = slices.filter((e) => e.tid === 1 && e.cat === 'step').map((e) => [e.name, e.ts, e.dur]);
    expect(steps).toEqual([
      ['prompt', 0, 10.6],
      ['decode step 1', 10.6, 5],
    ]);
  });
});
