/** Follows the error of bad nodes, each alone, to the answer: on the reference, in exact arithmetic. */
import { staged } from '../../shared/base/control';
import { defined } from '../../shared/base/assert';
import type { NodeId } from '../../shared/base/brand';
import type { JobControl } from '../../shared/base/progress';
import type { Diagnosis } from '../../shared/divergence/assemble-verdict';
import { lastNode } from '../../shared/divergence/assemble-verdict';
import { effectOf, withOwnError } from '../../shared/divergence/effect';
import type { BadAt, EffectLimits, EffectRun } from '../../shared/divergence/effect-plan';
import { EFFECT_LIMITS, planEffects } from '../../shared/divergence/effect-plan';
import type { JudgedNode } from '../../shared/divergence/examine';
import type { Effect } from '../../shared/divergence/verdict';
import { Replay } from '../../shared/diagnosis/replay';
import type { Graph, GraphTensor } from '../../shared/graph/graph';
import { isAlias, memoryOwner, tensorOf } from '../../shared/graph/graph';
import type { GraphPart } from '../../shared/graph/part';
import { planPart, planPartOfRun } from '../../shared/graph/part';
import { executeGraph } from '../../shared/ops/executor';
import type { MatMulEngine } from '../../shared/ops/mat-mul-engine';
import type { Checkpoints } from '../../shared/ops/run-memory';
import { StateMemories } from '../../shared/ops/state-memories';
import { withEngine } from '../lanes/reference-run';
import type { JudgedStep } from './diagnose-steps';
import type { StepEvidence } from './step-judge';

export interface EffectContext {
  readonly diagnoses: ReadonlyMap<JudgedNode, Diagnosis>;
  /** Whether a step's last node holds logits. */
  readonly hasLogits: (step: JudgedStep) => boolean;
  readonly limits?: EffectLimits;
  readonly control: JobControl;
}

/**
 * What each of the telling bad nodes alone does to its step's answer, as far as the limits reach; later steps, which
 * read what it wrote into a cache, are not followed. A node is left out where no answer follows from it, or where
 * something on the way cannot be computed.
 */
export async function effectsOf(
  steps: readonly JudgedStep[],
  { diagnoses, hasLogits, limits = EFFECT_LIMITS, control }: EffectContext,
): Promise<ReadonlyMap<JudgedNode, Effect>> {
  const bad = steps.flatMap((step, at) => (hasLogits(step) ? badOf(step, at, diagnoses) : []));
  const runs = planEffects(bad, limits);
  const weights = steps[0]?.examination.evidence.weights;
  if (runs.length === 0 || !weights) return new Map();
  return withEngine(weights, control, undefined, async (engine) => {
    const follower = new Follower(steps, engine, control);
    for (const at of new Set(runs.map((run) => run.step))) {
      await follower.follow(
        at,
        runs.filter((run) => run.step === at),
      );
    }
    return follower.effects;
  });
}

function badOf(step: JudgedStep, at: number, diagnoses: ReadonlyMap<JudgedNode, Diagnosis>): readonly BadAt[] {
  const { graph } = step.examination.evidence;
  return step.examination.judged
    .filter((judged) => judged.judgement.bad)
    .map((judged) => ({ step: at, graph, judged, cause: diagnoses.get(judged)?.cause?.id }));
}

/** What a run computed of what was to be kept, and what it could not compute. */
interface Followed {
  readonly values: ReadonlyMap<NodeId, Float32Array>;
  readonly missing: ReadonlySet<NodeId>;
}

class Follower {
  readonly effects = new Map<JudgedNode, Effect>();
  /** The caches as right runs of the steps before `reached` leave them. */
  private readonly states = new StateMemories();
  private reached = 0;

  constructor(
    private readonly steps: readonly JudgedStep[],
    private readonly engine: MatMulEngine,
    private readonly control: JobControl,
  ) {}

  /** The right run of a step once, then once with each of the errors; both read llama.cpp's values of what is before. */
  async follow(at: number, runs: readonly EffectRun[]): Promise<void> {
    await this.writeStatesBefore(at);
    const { evidence } = this.stepAt(at).examination;
    const { graph, captured } = evidence;
    const end = defined(lastNode(graph), 'a last node');
    const followers = runs.map((run) =>
      planPart(graph, new Set([...run.path].filter((id) => id !== run.judged.node.id))),
    );
    const keep = new Set([end.id, ...runs.map((r) => r.judged.node.id), ...followers.flatMap((p) => [...p.given])]);
    const everything = planPart(graph, new Set(runs.flatMap((run) => [...run.path])));
    const right = await this.run(evidence, everything, captured, keep, this.stage('right'));
    const logits = right.values.get(end.id);
    for (const [i, { judged, path }] of runs.entries()) {
      const value = right.values.get(judged.node.id);
      if (!logits || !value || [...path].some((id) => right.missing.has(id))) continue;
      const own = await this.withError(evidence, judged, value);
      const given = overlay(captured, graph, new Map([...right.values, [judged.node.id, own]]));
      const wrong =
        judged.node.id === end.id
          ? own
          : (
              await this.run(evidence, followers[i] as GraphPart, given, new Set([end.id]), this.stage(judged.node.key))
            ).values.get(end.id);
      const effect = wrong && effectOf(lastRow(end, logits), lastRow(end, wrong));
      if (effect) this.effects.set(judged, effect);
    }
  }

  /** A right run's value of the node with the error that the candidate made on its own inputs. */
  private async withError(evidence: StepEvidence, judged: JudgedNode, value: Float32Array): Promise<Float32Array> {
    const { engine, control } = this;
    const replay = await Replay.open({ ...evidence, judged, arithmetics: ['exact'], engine, control });
    const { wrong, mask } = replay;
    const source = (): Float32Array | undefined => replay.site(judged.node, 'exact')?.source(0);
    return withOwnError(value, { node: judged.node, wrong, right: replay.right('exact'), mask, source });
  }

  /** Cache writes compute nothing: they only need the values that they write. */
  private async writeStatesBefore(at: number): Promise<void> {
    for (; this.reached < at; this.reached++) {
      const { evidence } = this.stepAt(this.reached).examination;
      const { graph, captured } = evidence;
      const writes = graph.order.filter((id) => {
        const t = tensorOf(graph, id);
        return !isAlias(t) && memoryOwner(graph, t).role === 'state';
      });
      const part = planPartOfRun(graph, new Set(writes));
      await this.run(evidence, part, captured, new Set(), this.stage('caches'), this.states);
    }
  }

  private async run(
    { graph, weights, captured }: StepEvidence,
    part: GraphPart,
    values: Checkpoints,
    keep: ReadonlySet<NodeId>,
    control: JobControl,
    states = this.states.clone(),
  ): Promise<Followed> {
    const kept = new Map<NodeId, Float32Array>();
    const missing = new Set<NodeId>();
    await executeGraph(
      { graph, weights, captured, mode: { kind: 'free' }, control, part: { ...part, values }, states },
      {
        arithmetics: ['exact'],
        engine: this.engine,
        onNode: ({ tensor, results }) => {
          if (keep.has(tensor.id)) kept.set(tensor.id, results.exact);
        },
        onNotMeasured: ({ id }) => missing.add(id),
      },
    );
    return { values: kept, missing };
  }

  private stage(what: string): JobControl {
    return staged(this.control, `what bad nodes do to the answer: ${what}`);
  }

  private stepAt(at: number): JudgedStep {
    return defined(this.steps[at], `step ${at}`);
  }
}

/** A trace with other values for some nodes. */
function overlay(under: Checkpoints, graph: Graph, over: ReadonlyMap<NodeId, Float32Array>): Checkpoints {
  const own = new Map([...over].map(([id, values]) => [tensorOf(graph, id).key, values]));
  const entries = new Map(under.entries);
  for (const [key, { length }] of own) entries.set(key, { dtype: 'F32', shape: [length] });
  return {
    label: under.label,
    entries,
    readF32: (key) => own.get(key) ?? under.readF32(key),
    readRaw: (key) => {
      const values = own.get(key);
      return values ? new Uint8Array(values.slice().buffer) : under.readRaw(key);
    },
  };
}

/** The next token's logits. */
function lastRow({ ne }: GraphTensor, values: Float32Array): Float32Array {
  return values.subarray(values.length - ne[0]);
}
