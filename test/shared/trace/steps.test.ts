import { describe, expect, it } from 'vitest';

import { splitStepKey, stepKey, stepSink, stepsOf, stepView } from '../../../src/shared/trace/steps';
import type { StepManifest, TensorStats, TraceManifest } from '../../../src/shared/trace/trace';
import { layeredGraph } from '../ops/layered-graph';
import { MemoryTrace } from './memory-trace';

describe('keys of steps', () => {
  it.each([
    [0, 'ffn_out-3', 'ffn_out-3'],
    [1, 'ffn_out-3', 'step1/ffn_out-3'],
    [12, 'Qcur-1#0', 'step12/Qcur-1#0'],
    [2, 'leaf:a/b\n', 'step2/leaf:a/b\n'],
    [3, 'step4/x', 'step3/step4/x'],
  ])('step %i of %j is %j, and back', (step, key, whole) => {
    expect(stepKey(step, key)).toBe(whole);
    expect(splitStepKey(whole)).toEqual({ step, key });
  });

  it.each(['step/x', 'step1', 'stepx/y', 'steps1/x', 'my step1/x', 'step-1/x', 'step0/x', 'step01/x'])(
    'takes %j for a key of the prompt, which is what its checkpoint is read by',
    (key) => {
      expect(splitStepKey(key)).toEqual({ step: 0, key });
    },
  );
});

const stats = (sum: number): TensorStats => ({
  ...{ count: 1, min: sum, max: sum, mean: sum, std: 0, l2: sum, sum, nan: 0, inf: 0 },
  first: [sum],
});
const promptGraph = layeredGraph(3);
const stepGraph = layeredGraph(1);

function manifest(steps: readonly StepManifest[]): TraceManifest {
  return {
    schema: 'quarrel.trace/1',
    model: 'm.gguf',
    graph: promptGraph,
    pieces: ['a', 'b', 'c'],
    stats: { x: stats(1), 'step1/x': stats(2), 'step2/x': stats(3) },
    timings: { x: 10, 'step1/x': 20, 'step2/x': 30 },
    notMeasured: [
      { node: 'y', op: 'ADD', reason: 'in the prompt' },
      { node: 'step2/y', op: 'ADD', reason: 'in step 2' },
    ],
    provenance: { threads: '4' },
    ...(steps.length > 0 ? { steps } : {}),
  };
}

const STEPS: readonly StepManifest[] = [
  { tokens: [7], past: 3, pieces: ['g'], graph: stepGraph },
  { tokens: [8], past: 4, sameGraphAs: 1 },
  { tokens: [9], past: 5, sameGraphAs: 0 },
];

function traceOf(about?: TraceManifest): MemoryTrace {
  const trace = new MemoryTrace('t.safetensors', about, [1, 2, 3]);
  for (const [step, value] of [1, 2, 3].entries()) {
    trace.write(stepKey(step, 'x'), 'F32', [1, 1, 1, 1], Float32Array.of(value));
  }
  trace.write('step2/ids', 'I32', [2, 1, 1, 1], new Uint8Array(Int32Array.of(-1, 5).buffer));
  return trace;
}

describe('stepsOf', () => {
  it('counts the steps of the manifest and of the keys, whichever says more', () => {
    expect(stepsOf(traceOf(manifest(STEPS)))).toBe(3);
    expect(stepsOf(traceOf(manifest([])))).toBe(2);
    expect(stepsOf(traceOf())).toBe(2);
    expect(stepsOf(MemoryTrace.of('one', { x: Float32Array.of(1) }))).toBe(0);
  });
});

describe('stepView', () => {
  const trace = traceOf(manifest(STEPS));

  it('has the entries of its step in plain keys and reads their bytes', () => {
    expect([0, 1, 2, 3].map((step) => [...stepView(trace, step).entries.keys()])).toEqual([
      ['x'],
      ['x'],
      ['x', 'ids'],
      [],
    ]);
    expect([0, 1, 2].map((step) => [...stepView(trace, step).readF32('x')])).toEqual([[1], [2], [3]]);
    const second = stepView(trace, 2);
    expect([...second.entries.values()].map((e) => e.key)).toEqual(['x', 'ids']);
    expect(second.entries.get('ids')).toEqual({ key: 'ids', dtype: 'I32', shape: [2] });
    expect([...new Int32Array(second.readRaw('ids').buffer)]).toEqual([-1, 5]);
    expect(() => stepView(trace, 1).readF32('ids')).toThrow('has no step1/ids');
  });

  it('says which step it is, and its tokens', () => {
    expect([0, 1, 2].map((step) => stepView(trace, step)).map((v) => [v.label, v.engine, v.tokens])).toEqual([
      ['t.safetensors', 'test', [1, 2, 3]],
      ['t.safetensors, step 1', 'test', [7]],
      ['t.safetensors, step 2', 'test', [8]],
    ]);
  });

  it('has the manifest of its step alone', () => {
    const [first, second, third] = [0, 1, 2].map((step) => stepView(trace, step).manifest!);
    const common = { schema: 'quarrel.trace/1', model: 'm.gguf', provenance: { threads: '4' } };
    expect(first).toEqual({
      ...common,
      ...{ graph: promptGraph, pieces: ['a', 'b', 'c'], stats: { x: stats(1) }, timings: { x: 10 } },
      notMeasured: [{ node: 'y', op: 'ADD', reason: 'in the prompt' }],
    });
    expect(second).toEqual({
      ...common,
      ...{ graph: stepGraph, pieces: ['g'], stats: { x: stats(2) }, timings: { x: 20 }, notMeasured: [], past: 3 },
    });
    expect(third).toEqual({
      ...common,
      ...{ graph: stepGraph, stats: { x: stats(3) }, timings: { x: 30 }, past: 4 },
      notMeasured: [{ node: 'y', op: 'ADD', reason: 'in step 2' }],
    });
  });

  it('finds the graph that a step shares, also that of the prompt', () => {
    expect([0, 1, 2, 3].map((step) => stepView(trace, step).manifest?.graph)).toEqual([
      promptGraph,
      stepGraph,
      stepGraph,
      promptGraph,
    ]);
    const lost = traceOf(manifest([{ tokens: [7], past: 3, sameGraphAs: 2 }]));
    expect(stepView(lost, 1).manifest).not.toHaveProperty('graph');
  });

  it('is the trace itself where there is only a prompt', () => {
    const single = MemoryTrace.of('one', { x: Float32Array.of(1) }, manifest([]));
    expect(stepView(single, 0)).toBe(single);
  });

  it("takes a foreign dump's tokens from whoever knows them", () => {
    const foreign = traceOf();
    expect(stepView(foreign, 1, [42])).toMatchObject({ tokens: [42], manifest: undefined });
    expect(stepView(foreign, 1).tokens).toEqual([]);
    expect(stepView(foreign, 0, [42]).tokens).toEqual([1, 2, 3]);
    expect(stepView(trace, 1, [42]).tokens).toEqual([7]);
  });

  it('reads every checkpoint that it lists, of a dump whose prompt is written as step 0 too', () => {
    const foreign = traceOf();
    foreign.write('step0/x', 'F32', [1, 1, 1, 1], Float32Array.of(-1));
    const prompt = stepView(foreign, 0);
    const values = [...prompt.entries.keys()].map((key) => [key, ...prompt.readF32(key)]);
    expect(values).toEqual([
      ['x', 1],
      ['step0/x', -1],
    ]);
  });
});

describe('stepSink', () => {
  it('writes under the keys of its step, which a view of that step reads back', () => {
    const whole = new MemoryTrace('whole');
    for (const step of [0, 2]) {
      const sink = stepSink(whole, step);
      sink.write('x', 'F32', [2, 1, 1, 1], Float32Array.of(step, step));
      sink.time('x', 5 + step);
      sink.notMeasured({ node: 'y', op: 'ADD', reason: `of step ${step}` });
    }
    expect([...whole.entries.keys()]).toEqual(['x', 'step2/x']);
    expect(whole.timings).toEqual({ x: 5, 'step2/x': 7 });
    expect(whole.missing).toEqual([
      { node: 'y', op: 'ADD', reason: 'of step 0' },
      { node: 'step2/y', op: 'ADD', reason: 'of step 2' },
    ]);
    expect([...stepView(whole, 2).readF32('x')]).toEqual([2, 2]);
  });
});
