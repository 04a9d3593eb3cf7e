import { describe, expect, it } from 'vitest';

import type { GraphLane, LaneSequence, RunMode, RunRequest } from '../../../src/shared/divergence/lane';
import { runGraph } from '../../../src/shared/divergence/lane';
import { placedLane } from '../../../src/shared/divergence/placed-lane';
import { parsePlacement } from '../../../src/shared/divergence/placement';
import type { Graph } from '../../../src/shared/graph/graph';
import { isComputing, tensorOf } from '../../../src/shared/graph/graph';
import { nodesOfLayers, planPart } from '../../../src/shared/graph/part';
import type { PartialRun } from '../../../src/shared/ops/executor';
import { executeGraph } from '../../../src/shared/ops/executor';
import { createInlineEngine } from '../../../src/shared/ops/mat-mul-engine';
import { StateMemories } from '../../../src/shared/ops/state-memories';
import type { TraceSource } from '../../../src/shared/trace/trace';
import { GraphBuilder } from '../ops/graph-builder';
import { freely, layeredGraph, layeredInputs, layeredWeights } from '../ops/layered-graph';
import { floatBits } from '../ops/op-helpers';
import { MemoryTrace } from '../trace/memory-trace';

/** The reference as a lane of this thread; keeps which nodes it ran, graph by graph. */
class RecordingLane implements GraphLane {
  readonly provenance: Readonly<Record<string, string>>;
  readonly runs: string[][] = [];
  sequences = 0;
  open = 0;
  disposed = 0;

  /** @param fault changes the result of a node, as a broken kernel would */
  constructor(
    readonly label: string,
    private readonly fault: (key: string, value: number) => number = (_key, value) => value,
  ) {
    this.provenance = { threads: label };
  }

  begin(): LaneSequence {
    const states = new StateMemories();
    this.sequences++;
    this.open++;
    return {
      run: (request) => this.run(request, states),
      dispose: () => {
        this.open--;
        return Promise.resolve();
      },
    };
  }

  dispose(): Promise<void> {
    this.disposed++;
    return Promise.resolve();
  }

  get ran(): string[] {
    return this.runs.flat();
  }

  private async run({ sink, ...request }: RunRequest, states: StateMemories): Promise<void> {
    const ran: string[] = [];
    this.runs.push(ran);
    await executeGraph(
      { ...request, states },
      {
        arithmetics: ['exact'],
        engine: createInlineEngine(),
        onNode: ({ tensor, results, microseconds }) => {
          ran.push(tensor.key);
          const values = results.exact.map((v) => this.fault(tensor.key, v));
          sink.write(tensor.key, 'F32', tensor.ne, values);
          values.fill(NaN); // as an engine that uses its buffers again
          sink.time(tensor.key, microseconds);
        },
        onNotMeasured: (tensor, reason) => sink.notMeasured({ node: tensor.key, op: tensor.kind, reason }),
      },
    );
  }
}

const weights = layeredWeights();
const free: RunMode = { kind: 'free' };

interface Step {
  readonly graph: Graph;
  readonly captured: TraceSource;
  readonly mode?: RunMode;
  readonly part?: PartialRun;
}

async function runSteps(lane: GraphLane, steps: readonly Step[]): Promise<MemoryTrace[]> {
  const sequence = lane.begin();
  const traces: MemoryTrace[] = [];
  for (const { mode = free, ...step } of steps) {
    const sink = new MemoryTrace(lane.label);
    await sequence.run({ ...step, weights, mode, sink, control: freely });
    traces.push(sink);
  }
  await sequence.dispose();
  return traces;
}

const valuesOf = (trace: MemoryTrace): Map<string, Float32Array> =>
  new Map([...trace.entries.keys()].map((key) => [key, trace.readF32(key)]));

function twoLanes(rules: string, fault?: (key: string, value: number) => number) {
  const [a, b] = [new RecordingLane('a', fault), new RecordingLane('b')];
  const lanes = new Map<string, RecordingLane>([
    ['a', a],
    ['b', b],
  ]);
  return { a, b, placed: placedLane('a + b', parsePlacement(rules), lanes) };
}

const prompt: Step = { graph: layeredGraph(3), captured: layeredInputs(3) };
const next: Step = { graph: layeredGraph(1), captured: layeredInputs(1, 3) };
const afterNext: Step = { graph: layeredGraph(1), captured: layeredInputs(1, 4) };
const computing = (graph: Graph): string[] =>
  graph.order.flatMap((id) => (isComputing(graph, tensorOf(graph, id)) ? tensorOf(graph, id).key : []));

describe('a placed free run', () => {
  it.each(['0:a,1-:b', '0-1:a,2:b', '0:b,1:a,2:b', 'embd:a,0-:b,output:a', '0-:a'])(
    'has the bits of an unplaced one over a prompt and two steps: %s',
    async (rules) => {
      const whole = await runSteps(new RecordingLane('whole'), [prompt, next, afterNext]);
      const { placed, a, b } = twoLanes(rules);
      const traces = await runSteps(placed, [prompt, next, afterNext]);
      expect(traces.map(valuesOf)).toEqual(whole.map(valuesOf));
      expect(traces.map((t) => [t.missing, Object.keys(t.timings).length])).toEqual([
        [[], 20],
        [[], 20],
        [[], 20],
      ]);
      const each = computing(prompt.graph);
      expect([...a.ran, ...b.ran].sort()).toEqual([...each, ...each, ...each].sort());
    },
  );

  it('runs every node on the lane of its layer', async () => {
    const { placed, a, b } = twoLanes('0:a,1-:b');
    await runSteps(placed, [prompt]);
    expect(a.ran).toEqual(['embd', 'q-0', 'k-0', 'kq-0', 'node_0', 'kqv-0', 'l_out-0']);
    expect(b.ran).toEqual(computing(prompt.graph).slice(a.ran.length));
  });

  it("hands one lane's results to the next, not the captured ones", async () => {
    const whole = await runSteps(new RecordingLane('whole'), [prompt]);
    const captured = layeredInputs(3);
    for (const key of ['l_out-0', 'k-0']) captured.write(key, 'F32', [4, 3, 1, 1], new Float32Array(12).fill(99));
    const traces = await runSteps(twoLanes('0:a,1-:b').placed, [{ ...prompt, captured }]);
    expect(traces.map(valuesOf)).toEqual(whole.map(valuesOf));
  });

  it('hands on what is wrong as well: the error is inherited', async () => {
    const doubled = (key: string, value: number): number => (key === 'l_out-0' ? 2 * value : value);
    const [trace] = await runSteps(twoLanes('0:a,1-:b', doubled).placed, [prompt]);
    const [whole] = await runSteps(new RecordingLane('whole'), [prompt]);
    expect(trace!.readF32('q-1')).toEqual(whole!.readF32('q-1').map((v) => 2 * v));
    expect(trace!.readF32('kq-0')).toEqual(whole!.readF32('kq-0'));
  });

  it('lets the lane of a layer without a cache read what it was given of the other lane', async () => {
    const zeroed = (key: string, value: number): number => (key === 'k-0' ? 0 : value);
    const [trace] = await runSteps(twoLanes('0:a,1-:b', zeroed).placed, [prompt]);
    expect([...trace!.readF32('kq-2')].every((v) => Object.is(Math.abs(v), 0))).toBe(true);
    expect([...trace!.readF32('kq-0')].some((v) => v !== 0)).toBe(true);
  });
});

describe('what a lane cannot compute', () => {
  const ne = [4, 1, 1, 1] as const;
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', ne);
  const first = g.node('trained-0', 'OPT_STEP_ADAMW', ne, [x]);
  const second = g.node('scaled-1', 'SCALE', ne, [first], { params: [floatBits(2), 0] });
  g.node('scaled-2', 'SCALE', ne, [second], { params: [floatBits(2), 0] });
  const graph = g.build();

  it('comes from the capture, and is reported once', async () => {
    const captured = MemoryTrace.of('the capture', {
      'leaf:x': Float32Array.of(1, 2, 3, 4),
      'trained-0': Float32Array.of(5, 6, 7, 8),
      'scaled-1': new Float32Array(4),
    });
    const [trace] = await runSteps(twoLanes('0:a,1:b,2:a').placed, [{ graph, captured }]);
    expect(trace!.missing).toEqual([
      { node: 'trained-0', op: 'OPT_STEP_ADAMW', reason: 'not measured: OPT_STEP_ADAMW' },
    ]);
    expect([...valuesOf(trace!)].map(([key, v]) => [key, ...v])).toEqual([
      ['scaled-1', 10, 12, 14, 16],
      ['scaled-2', 20, 24, 28, 32],
    ]);
  });

  it('is not known to the lanes after it where the capture has nothing', async () => {
    const captured = MemoryTrace.of('the capture', { 'leaf:x': Float32Array.of(1, 2, 3, 4) });
    const [trace] = await runSteps(twoLanes('0:a,1:b,2:a').placed, [{ graph, captured }]);
    expect(trace!.missing.map(({ node, reason }) => `${node}: ${reason}`)).toEqual([
      'trained-0: not measured: OPT_STEP_ADAMW',
      'scaled-1: not measured: its input trained-0 is not known',
      'scaled-2: not measured: its input scaled-1 is not known',
    ]);
    expect(trace!.entries.size).toBe(0);
  });
});

describe('a placed seeded run', () => {
  it('runs every node on the seed, whichever lane that is', async () => {
    const [whole] = await runSteps(new RecordingLane('whole'), [prompt]);
    const seed = new MemoryTrace('the seed');
    for (const [key, values] of valuesOf(whole!)) {
      const { ne } = prompt.graph.tensors.find((t) => t.key === key)!;
      seed.write(
        key,
        'F32',
        ne,
        values.map((v) => v + 1),
      );
    }
    const mode = { kind: 'seeded', seed } as const;
    const [plain] = await runSteps(new RecordingLane('plain'), [{ ...prompt, mode }]);
    const [placed] = await runSteps(twoLanes('0:a,1-:b').placed, [{ ...prompt, mode }]);
    expect(valuesOf(placed!)).toEqual(valuesOf(plain!));
    expect(placed!.readF32('q-1')).not.toEqual(whole!.readF32('q-1'));
  });
});

describe('a placed run of a part', () => {
  const part = planPart(prompt.graph, nodesOfLayers(prompt.graph, 1, 2));

  it('runs nothing else, and starts no lane that has nothing to run', async () => {
    const [whole] = await runSteps(new RecordingLane('whole'), [prompt]);
    const { placed, a, b } = twoLanes('0:a,1-:b');
    // Only the write into the cache of layer 0, which layer 2 reads, is left for lane a: it shows no result.
    const [trace] = await runSteps(placed, [{ ...prompt, part: { ...part, values: whole! } }]);
    expect([a.ran, b.ran[0], b.ran.at(-1)]).toEqual([[], 'q-1', 'l_out-2']);
    for (const [key, values] of valuesOf(trace!)) expect([key, values]).toEqual([key, whole!.readF32(key)]);
    const only = twoLanes('0-1:a,2:b');
    const layer1 = planPart(prompt.graph, nodesOfLayers(prompt.graph, 1, 1));
    await runSteps(only.placed, [{ ...prompt, part: { ...layer1, values: whole! } }]);
    expect([only.a.sequences, only.b.sequences]).toEqual([1, 0]);
  });

  it('takes what no segment computes from the values of the part, then from the capture', async () => {
    const captured = layeredInputs(3);
    for (const key of ['l_out-0', 'k-0']) captured.write(key, 'F32', [4, 3, 1, 1], new Float32Array(12).fill(2));
    const ones = MemoryTrace.of('given', { 'l_out-0': new Float32Array(12).fill(1) });
    const of = async (values?: TraceSource): Promise<Float32Array> => {
      const run = { ...prompt, captured, part: values ? { ...part, values } : part };
      const [trace] = await runSteps(twoLanes('0-1:a,2:b').placed, [run]);
      return trace!.readF32('q-1');
    };
    const [onOnes, onTwos] = [await of(ones), await of()];
    expect(onTwos).toEqual(onOnes.map((v) => 2 * v));
    expect(onOnes.some((v) => v !== 0)).toBe(true);
  });
});

describe('the lane itself', () => {
  it('says of which lanes it is made', () => {
    const { placed } = twoLanes('0:a,1-:b');
    expect(placed.label).toBe('a + b');
    expect(placed.provenance).toEqual({ 'a threads': 'a', 'b threads': 'b' });
  });

  it('has one sequence of each lane for all its graphs, and ends them', async () => {
    const { placed, a, b } = twoLanes('0:b,1:a,2:b');
    await runSteps(placed, [prompt, next]);
    expect([a, b].map((lane) => [lane.sequences, lane.open, lane.disposed])).toEqual([
      [1, 0, 0],
      [1, 0, 0],
    ]);
    await placed.dispose();
    expect([a.disposed, b.disposed]).toEqual([1, 1]);
  });

  it('starts every sequence with states of zeros', async () => {
    const { placed } = twoLanes('0:a,1-:b');
    const [first] = await runSteps(placed, [prompt]);
    const [again] = await runSteps(placed, [prompt]);
    expect(valuesOf(again!)).toEqual(valuesOf(first!));
  });

  it('does not run a lane that it does not have, nor a layer that is placed nowhere', async () => {
    const sink = new MemoryTrace('sink');
    const request = { ...prompt, weights, mode: free, sink, control: freely };
    const unknown = placedLane('c', parsePlacement('0-:c'), new Map());
    await expect(runGraph(unknown, request)).rejects.toThrow('lane c is undefined');
    await expect(runGraph(twoLanes('0:a').placed, request)).rejects.toThrow('layer 1 is placed on no lane');
  });
});
