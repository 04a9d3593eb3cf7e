/** Follows the error of bad nodes, each alone, to the answer: on the reference, in exact arithmetic. */
import { staged } from '../../shared/base/control';
import { defined } from '../../shared/base/assert';
import type { NodeId } from '../../shared/base/brand';
import type { JobControl } from '../../shared/base/progress';
import { givesIndices } from '../../shared/compare/index-results';
import type { Diagnosis } from '../../shared/divergence/assemble-verdict';
import { lastNode } from '../../shared/divergence/assemble-verdict';
import type { OwnError } from '../../shared/divergence/effect';
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

/** What bad nodes do to their step's answer. */
export interface Effects {
  /** Each alone. */
  readonly alone: ReadonlyMap<JudgedNode, Effect>;
  /** All of a bug in the step where it shows first, by its first node there; not for a bug of one node. */
  readonly together: ReadonlyMap<JudgedNode, Effect>;
}

export const NO_EFFECTS: Effects = { alone: new Map(), together: new Map() };

/**
 * What the telling bad nodes do to their step's answer, as far as the limits reach; later steps, which read what it
 * wrote into a cache, are not followed. What leads to no answer is left out, and what leads through a node that cannot
 * be computed.
 */
export async function effectsOf(
  steps: readonly JudgedStep[],
  { diagnoses, hasLogits, limits = EFFECT_LIMITS, control }: EffectContext,
): Promise<Effects> {
  const bad = steps.flatMap((step, at) => (hasLogits(step) ? badOf(step, at, diagnoses) : []));
  const runs = planEffects(bad, limits);
  const weights = steps[0]?.examination.evidence.weights;
  if (runs.length === 0 || !weights) return NO_EFFECTS;
  return withEngine(weights, control, undefined, async (engine) => {
    const follower = new Follower(steps, engine, control);
    for (const at of [...new Set(runs.map((run) => run.step))].sort((a, b) => a - b)) {
      await follower.follow(
        at,
        runs.filter((run) => run.step === at),
      );
    }
    return follower;
  });
}

function badOf(step: JudgedStep, at: number, diagnoses: ReadonlyMap<JudgedNode, Diagnosis>): readonly BadAt[] {
  const { graph } = step.examination.evidence;
  return step.examination.judged
    .filter((judged) => judged.judgement.bad)
    .map((judged) => ({ step: at, graph, judged, cause: diagnoses.get(judged)?.cause ?? null }));
}

/** What a run computed of what was to be kept, and what it could not compute. */
interface Followed {
  readonly values: ReadonlyMap<NodeId, Float32Array>;
  readonly missing: ReadonlySet<NodeId>;
}

/** One run of the reference. */
interface Run {
  readonly part: GraphPart;
  /** The values of what is not computed. */
  readonly given: Checkpoints;
  readonly keep: ReadonlySet<NodeId>;
  /** What is put in on top of right results. */
  readonly errors?: ReadonlyMap<NodeId, OwnError>;
  readonly states: StateMemories;
  readonly what: string;
}

class Follower implements Effects {
  readonly alone = new Map<JudgedNode, Effect>();
  readonly together = new Map<JudgedNode, Effect>();
  /** The caches as right runs of the steps before `reached` leave them. */
  private readonly states = new StateMemories();
  private reached = 0;

  constructor(
    private readonly steps: readonly JudgedStep[],
    private readonly engine: MatMulEngine,
    private readonly control: JobControl,
  ) {}

  /**
   * The right run of a step once, from where the first of the errors is; then one run with each. What lies before has
   * llama.cpp's values in all of them.
   */
  async follow(at: number, runs: readonly EffectRun[]): Promise<void> {
    await this.writeStatesBefore(at);
    const { evidence } = this.stepAt(at).examination;
    const { graph, captured } = evidence;
    const end = defined(lastNode(graph), 'a last node');
    const parts = runs.map((run) => planPart(graph, run.path));
    const right = await this.run(evidence, {
      part: planPart(graph, new Set(runs.flatMap((run) => [...run.path]))),
      given: captured,
      keep: new Set([end.id, ...parts.flatMap((part) => [...part.given])]),
      states: this.states.clone(),
      what: 'a right run',
    });
    const given = overlay(captured, graph, right.values);
    const logits = right.values.get(end.id);
    for (const [i, { nodes, path }] of runs.entries()) {
      const [first] = nodes;
      if (!logits || !first || [...path].some((id) => right.missing.has(id))) continue;
      const errors = new Map<NodeId, OwnError>();
      for (const judged of nodes) errors.set(judged.node.id, await this.ownError(at, judged, nodes.length > 1));
      const what = nodes.length === 1 ? first.node.key : `${nodes.length} nodes`;
      const run = { part: parts[i] as GraphPart, given, keep: new Set([end.id]), errors, what };
      const wrong = (await this.run(evidence, { ...run, states: this.states.clone() })).values.get(end.id);
      const effect = wrong && effectOf(lastRow(end, logits), lastRow(end, wrong));
      if (effect) (nodes.length === 1 ? this.alone : this.together).set(first, effect);
    }
  }

  /**
   * What the candidate did wrong at a node on the inputs that it had: by itself those on which it was judged; among
   * others, those that their errors lead to, as in the candidate's free run of the prompt. What a later step of that run
   * found in its caches is not kept.
   */
  private async ownError(at: number, judged: JudgedNode, isAmongOthers: boolean): Promise<OwnError> {
    const { engine, control } = this;
    const { evidence } = this.stepAt(at).examination;
    const candidate = isAmongOthers && at === 0 ? (evidence.free ?? evidence.candidate) : evidence.candidate;
    const replay = await Replay.open({ ...evidence, candidate, judged, arithmetics: ['exact'], engine, control });
    const { wrong, mask } = replay;
    const pointedAt = givesIndices(judged.node.kind) ? replay.site(judged.node, 'exact')?.source(0) : undefined;
    return { node: judged.node, wrong, right: replay.right('exact'), mask, pointedAt };
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
      await this.run(evidence, { part, given: captured, keep: new Set(), states: this.states, what: 'caches' });
    }
  }

  private async run({ graph, weights, captured }: StepEvidence, run: Run): Promise<Followed> {
    const { part, given, keep, errors = new Map<NodeId, OwnError>(), states, what } = run;
    const values = new Map<NodeId, Float32Array>();
    const missing = new Set<NodeId>();
    const wrong = new Map([...errors.values()].map((e) => [e.node.key, { dtype: 'F32', shape: [e.wrong.length] }]));
    const control = staged(this.control, `follow errors to the answer: ${what}`);
    await executeGraph(
      {
        ...{ graph, weights, captured, control, states },
        mode: { kind: 'seeded', seed: { ...given, entries: wrong } },
        part: { ...part, values: given },
      },
      {
        arithmetics: ['exact'],
        engine: this.engine,
        merge: ({ id }, own) => withOwnError(own, defined(errors.get(id), 'the error of a node')),
        onNode: ({ tensor, results, seed }) => {
          if (keep.has(tensor.id)) values.set(tensor.id, seed ?? results.exact);
        },
        onNotMeasured: ({ id }) => missing.add(id),
      },
    );
    return { values, missing };
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
