/** Runs an engine with a planted bug, or a right one of another arithmetic, and writes what it would dump. */
import type { JobControl } from '../../../shared/base/progress';
import { f32ToBf16, f32ToF16 } from '../../../shared/base/float-bits';
import { defined } from '../../../shared/base/assert';
import type { Graph, GraphTensor } from '../../../shared/graph/graph';
import type { Arithmetic } from '../../../shared/ops/arithmetic';
import { activationType, roundActivations } from '../../../shared/ops/arithmetic';
import type { NodeTurn } from '../../../shared/ops/executor';
import { executeGraph } from '../../../shared/ops/executor';
import { createInlineEngine } from '../../../shared/ops/mat-mul-engine';
import { StateMemories } from '../../../shared/ops/state-memories';
import { stepKey } from '../../../shared/trace/steps';
import type { TraceSource } from '../../../shared/trace/trace';
import type { WeightView } from '../../files/weight-view';
import { TraceWriter } from '../../traces/trace-writer';
import type { EnginePrecision } from './engine-kinds';
import { nmse } from './engine-values';
import type { Mutation, Turn } from './plant';
import type { Rounds } from './rounds';
import { isRounded, roundedTurn, turnAt } from './rounds';

export type EngineArithmetic = Extract<Arithmetic, 'exact' | 'ggml' | 'f16' | 'bf16'>;

/** How an engine dumps. */
export interface DumpStyle {
  readonly arithmetic: EngineArithmetic;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly precision: EnginePrecision;
  /** Whether the dump holds a node. */
  readonly keeps: (node: GraphTensor) => boolean;
  readonly note: string;
  /** What the dump says of the engine's arithmetic and of the model that it loaded. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What the engine rounds beyond its arithmetic. */
  readonly rounds?: Rounds | undefined;
  /** A node's values in the dump, where they are not those that the engine goes on with. */
  readonly asDumped?: (node: GraphTensor, values: Float32Array) => Dumped | undefined;
}

/** A node as a dump has it. */
export interface Dumped {
  readonly ne: GraphTensor['ne'];
  readonly values: Float32Array;
}

export interface EngineStep {
  readonly graph: Graph;
  readonly captured: TraceSource;
  readonly tokens: readonly number[];
}

export interface EngineRun {
  readonly model: string;
  readonly weights: WeightView;
  readonly steps: readonly EngineStep[];
  /** The result of a node in place of the right one; undefined where the engine is right. */
  readonly mutationOf: (node: GraphTensor, step: number) => Mutation | undefined;
  readonly style: DumpStyle;
  /** Where the dump is written; nowhere when absent. */
  readonly out?: string;
  readonly control: JobControl;
  /** The same engine's run without a bug. */
  readonly clean?: RunValues;
  /** That of an f32 engine. */
  readonly precise?: RunValues;
}

/** What planting did. NMSE is Infinity for what is no number. */
export interface PlantedEffect {
  /** The first mutated node, against what this engine makes of the same inputs where it is right. */
  readonly key: string;
  readonly nmse: number;
  /** What the engine's own rounding makes there. */
  readonly rounding: number;
  /** The first dumped node that differs from the right run, as far as that is known. */
  readonly shown: number;
  /** What the engine's rounding, all of it so far, has made of that node. */
  readonly shownRounding: number;
}

/** A run's results by `stepKey`. */
export type RunValues = Map<string, Float32Array>;

export interface EngineOutcome {
  /** Undefined where no mutated node was met. */
  readonly effect: PlantedEffect | undefined;
  readonly values: RunValues;
}

/** Runs all steps and writes the dump. */
export async function runEngine(run: EngineRun): Promise<EngineOutcome> {
  const writer = run.out === undefined ? undefined : TraceWriter.create(run.out);
  const runner = new EngineRunner(run, writer);
  try {
    for (const index of run.steps.keys()) await runner.step(index);
    writer?.finish(traceInfo(run));
  } finally {
    writer?.abort();
  }
  return { effect: runner.effect, values: runner.values };
}

function traceInfo({ model, steps, style }: EngineRun): Parameters<TraceWriter['finish']>[0] {
  const [prompt, ...others] = steps;
  let past = prompt?.tokens.length ?? 0;
  const manifests = others.map(({ tokens }) => ({ tokens, past: (past += tokens.length) - tokens.length }));
  return {
    engine: 'planted',
    model,
    tokens: prompt?.tokens ?? [],
    ...(manifests.length > 0 ? { steps: manifests } : {}),
    ...(style.metadata ? { metadata: style.metadata } : {}),
  };
}

class EngineRunner {
  readonly values: RunValues = new Map();
  private readonly states = new StateMemories();
  private mutated: AtNode | undefined;
  private shown: Pick<PlantedEffect, 'shown' | 'shownRounding'> | undefined;

  constructor(
    private readonly run: EngineRun,
    private readonly writer: TraceWriter | undefined,
  ) {}

  get effect(): PlantedEffect | undefined {
    if (!this.mutated) return undefined;
    const shown = this.shown ?? { shown: this.run.clean ? 0 : this.mutated.nmse, shownRounding: 0 };
    return { ...this.mutated, ...shown };
  }

  async step(index: number): Promise<void> {
    const { weights, style, control } = this.run;
    const { graph, captured } = defined(this.run.steps[index], `step ${index}`);
    const { arithmetic } = style;
    await executeGraph(
      { graph, weights, captured, control, states: this.states, mode: { kind: 'free' } },
      {
        arithmetics: [arithmetic],
        engine: createInlineEngine(),
        override: (turn) => this.compute(index, turn),
        onNode: ({ tensor, results }) => this.keep(index, tensor, results[arithmetic]),
        onNotMeasured: () => undefined,
      },
    );
  }

  /** What is wrong here, or what the engine rounds; undefined where the executor computes the node. */
  private compute(index: number, turn: NodeTurn<EngineArithmetic>): Float32Array | undefined {
    const { mutationOf, weights, style } = this.run;
    const { rounds, arithmetic } = style;
    const { graph, captured } = defined(this.run.steps[index], `step ${index}`);
    const mutation = mutationOf(turn.tensor, index);
    if (!mutation && !(rounds && isRounded(rounds, graph, turn.tensor))) return undefined;
    const known = (key: string): Float32Array => this.values.get(stepKey(index, key)) ?? captured.readF32(key);
    const plain = turnAt(graph, weights, known, turn);
    const at = rounds ? roundedTurn(plain, rounds) : plain;
    if (!mutation) return at.right();
    const wrong = Float32Array.from(mutation(at));
    roundActivations(activationType(arithmetic), wrong, 0, wrong.length);
    this.mutated ??= effectOf(plain, at, wrong);
    return wrong;
  }

  private keep(index: number, tensor: GraphTensor, result: Float32Array): void {
    const { style, clean, precise } = this.run;
    const key = stepKey(index, tensor.key);
    this.values.set(key, result);
    if (!style.keeps(tensor)) return;
    if (this.writer) {
      const { ne, values } = style.asDumped?.(tensor, result) ?? { ne: tensor.ne, values: result };
      writeNode(this.writer, key, { ...tensor, ne }, values, style.dtype);
    }
    const right = clean?.get(key);
    if (this.shown === undefined && right) {
      const difference = nmse(right, result);
      const exact = precise?.get(key);
      if (difference > 0) this.shown = { shown: difference, shownRounding: exact ? nmse(exact, right) : 0 };
    }
  }
}

type AtNode = Omit<PlantedEffect, 'shown' | 'shownRounding'>;

function effectOf(plain: Turn, at: Turn, wrong: Float32Array): AtNode {
  const right = at.right();
  return { key: plain.tensor.key, nmse: nmse(right, wrong), rounding: nmse(plain.exact(), right) };
}

function writeNode(
  sink: TraceWriter,
  key: string,
  tensor: GraphTensor,
  values: Float32Array,
  dtype: DumpStyle['dtype'],
): void {
  // Indices have no float type to be rounded to.
  if (dtype === 'F32' || tensor.type === 'I32' || tensor.type === 'I64') {
    sink.write(key, 'F32', tensor.ne, values);
    return;
  }
  const bits = Uint16Array.from(values, dtype === 'F16' ? f32ToF16 : f32ToBf16);
  sink.write(key, dtype, tensor.ne, new Uint8Array(bits.buffer));
}
