/** Runs an engine with a planted bug, or a right one of another arithmetic, and writes what it would dump. */
import type { JobControl } from '../../../shared/base/progress';
import { f32ToBf16, f32ToF16 } from '../../../shared/base/float-bits';
import { defined } from '../../../shared/base/assert';
import { QuarrelError } from '../../../shared/base/errors';
import type { Graph, GraphTensor } from '../../../shared/graph/graph';
import { memoryOwner, tensorOf } from '../../../shared/graph/graph';
import type { Arithmetic } from '../../../shared/ops/arithmetic';
import { activationType, roundActivations } from '../../../shared/ops/arithmetic';
import { evaluateNode } from '../../../shared/ops/evaluate-node';
import type { NodeTurn } from '../../../shared/ops/executor';
import { executeGraph } from '../../../shared/ops/executor';
import { createInlineEngine } from '../../../shared/ops/mat-mul-engine';
import { StateMemories } from '../../../shared/ops/state-memories';
import { stepKey } from '../../../shared/trace/steps';
import type { TraceSource } from '../../../shared/trace/trace';
import type { WeightView } from '../../files/weight-view';
import { TraceWriter } from '../../traces/trace-writer';
import type { Mutation, Turn } from './plant';

export type EngineArithmetic = Extract<Arithmetic, 'exact' | 'ggml' | 'f16' | 'bf16'>;

/** How an engine dumps. */
export interface DumpStyle {
  readonly arithmetic: EngineArithmetic;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  /** Whether the dump holds a node. */
  readonly keeps: (node: GraphTensor) => boolean;
  readonly note: string;
  /** What the dump says of the engine's arithmetic and of the model that it loaded. */
  readonly metadata?: Readonly<Record<string, string>>;
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
}

/** What planting did. NMSE is Infinity for what is no number. */
export interface PlantedEffect {
  /** The first mutated node, against the right result on the same inputs. */
  readonly key: string;
  readonly nmse: number;
  /** The first dumped node that differs from the right run, as far as that is known. */
  readonly shown: number;
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
  private mutated: { readonly key: string; readonly nmse: number } | undefined;
  private shown: number | undefined;

  constructor(
    private readonly run: EngineRun,
    private readonly writer: TraceWriter | undefined,
  ) {}

  get effect(): PlantedEffect | undefined {
    return this.mutated && { ...this.mutated, shown: this.shown ?? (this.run.clean ? 0 : this.mutated.nmse) };
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
        override: (turn) => this.mutate(index, turn),
        onNode: ({ tensor, results }) => this.keep(index, tensor, results[arithmetic]),
        onNotMeasured: () => undefined,
      },
    );
  }

  private mutate(index: number, turn: NodeTurn<EngineArithmetic>): Float32Array | undefined {
    const { mutationOf, weights, style } = this.run;
    const mutation = mutationOf(turn.tensor, index);
    if (!mutation) return undefined;
    const { graph, captured } = defined(this.run.steps[index], `step ${index}`);
    const known = (key: string): Float32Array => this.values.get(stepKey(index, key)) ?? captured.readF32(key);
    const at = turnAt(graph, weights, known, turn);
    const wrong = Float32Array.from(mutation(at));
    roundActivations(activationType(style.arithmetic), wrong, 0, wrong.length);
    this.mutated ??= { key: turn.tensor.key, nmse: nmse(at.right(), wrong) };
    return wrong;
  }

  private keep(index: number, tensor: GraphTensor, result: Float32Array): void {
    const { style, clean } = this.run;
    const key = stepKey(index, tensor.key);
    this.values.set(key, result);
    if (!style.keeps(tensor)) return;
    if (this.writer) writeNode(this.writer, key, tensor, result, style.dtype);
    const right = clean?.get(key);
    if (this.shown === undefined && right) {
      const difference = nmse(right, result);
      if (difference > 0) this.shown = difference;
    }
  }
}

function turnAt(
  graph: Graph,
  weights: WeightView,
  valueOf: (key: string) => Float32Array,
  turn: NodeTurn<EngineArithmetic>,
): Turn {
  const { tensor, arithmetic } = turn;
  const source = (index: number): Float32Array => {
    const found = turn.source(index);
    if (!found) throw new QuarrelError(`${tensor.key} has no source ${index}`);
    return found;
  };
  return {
    ...{ graph, tensor, weights, arithmetic, source, valueOf },
    before: () => turn.before(),
    right: () => rightResult(graph, tensor, weights, arithmetic, source, () => turn.before()),
  };
}

function rightResult(
  graph: Graph,
  tensor: GraphTensor,
  weights: WeightView,
  arithmetic: EngineArithmetic,
  source: (index: number) => Float32Array,
  before: () => Float32Array,
): Float32Array {
  if (tensor.op === 'SET_ROWS') return setRows(tensor, source(0), source(1), before());
  const sources = tensor.src.map((id, i) =>
    id === undefined || memoryOwner(graph, tensorOf(graph, id)).role === 'weight' ? undefined : source(i),
  );
  return evaluateNode(graph, tensor, { sources, weights }, arithmetic);
}

/** Row ids[i] of the memory becomes row i; one plane. */
export function setRows(
  { ne }: GraphTensor,
  rows: Float32Array,
  ids: Float32Array,
  before: Float32Array,
): Float32Array {
  const after = Float32Array.from(before);
  for (let i = 0; i < ids.length; i++) {
    after.set(rows.subarray(i * ne[0], (i + 1) * ne[0]), (ids[i] as number) * ne[0]);
  }
  return after;
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

/** Σ(wrong − right)² / Σright²; Infinity where only one of two is a number. */
export function nmse(right: Float32Array, wrong: Float32Array): number {
  let error = 0;
  let energy = 0;
  for (let i = 0; i < right.length; i++) {
    const r = right[i] as number;
    const w = wrong[i] as number;
    if (Object.is(r, w)) continue;
    if (!Number.isFinite(r) && !Number.isFinite(w)) continue;
    if (!Number.isFinite(w) || !Number.isFinite(r)) return Infinity;
    error += (w - r) ** 2;
  }
  for (const r of right) if (Number.isFinite(r)) energy += r * r;
  return energy === 0 ? (error === 0 ? 0 : Infinity) : error / energy;
}
