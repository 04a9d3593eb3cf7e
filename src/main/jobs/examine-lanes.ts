/** What a candidate shows at each step: its judged nodes, its logits, how it was aligned. */
import { defined } from '../../shared/base/assert';
import { nmseOf } from '../../shared/compare/metrics';
import { INHERITED_SUSPICION } from '../../shared/compare/tolerance';
import { lastLogits, lastNode } from '../../shared/divergence/assemble-verdict';
import type { Candidate, Examination } from '../../shared/divergence/examine';
import type { GraphLane } from '../../shared/divergence/lane';
import type { ToldPrecision } from '../../shared/divergence/precision';
import type { UnplacedName } from '../../shared/divergence/verdict';
import type { Graph } from '../../shared/graph/graph';
import { tensorOf } from '../../shared/graph/graph';
import type { TraceSource } from '../../shared/trace/trace';
import { PLAIN_ACCESS } from '../files/weight-view';
import type { CapturedStep } from './capture-session';
import { Owned } from './owned';
import { StepJudge } from './step-judge';
import { tellRounding } from './tell-rounding';
import { laneProbe } from './lane-probe';
import type { JudgeContext, Judged, LaneProbe } from './step-judge';
import type { FollowContext } from './step-lanes';
import { OwnStepLane } from './step-lanes';

export interface StepOutcome {
  readonly examination: Judged;
  readonly logits: Float32Array | undefined;
  readonly alignment: readonly string[];
  /** Names of a dump that stand for no node, and why. */
  readonly unplaced?: readonly UnplacedName[];
  /** NMSE of the candidate's whole run against the reference, by node key. */
  readonly inherited: ReadonlyMap<string, number>;
  /** What a dump tells of its precision. */
  readonly told?: ToldPrecision;
  /** Microseconds by node key; absent where the candidate kept none. */
  readonly timings?: Readonly<Record<string, number>> | undefined;
}

/** A candidate under examination; asked for each step in turn. Its owner disposes it. */
export interface Examiner {
  next(step: CapturedStep): Promise<StepOutcome>;
  dispose(): Promise<void>;
}

/** The reference lane's results, by step. */
export type ReferenceAt = (step: CapturedStep) => TraceSource;

/** A lane of ours runs twice: freely, and node by node on the reference's values. */
export class OwnExaminer implements Examiner {
  private readonly owned = new Owned();
  private readonly free: OwnStepLane;
  private readonly local: OwnStepLane;
  private readonly frees: TraceSource[] = [];
  private readonly locals: TraceSource[] = [];
  private readonly judge: StepJudge;
  /** Judges the free run on its own values, should it end elsewhere without a bad node. */
  private readonly freeJudge: StepJudge;

  constructor(
    lane: GraphLane,
    private readonly context: JudgeContext & Omit<FollowContext, 'name'>,
    private readonly reference: ReferenceAt,
  ) {
    const { access } = context.weights;
    const select = context.select ? { select: context.select } : {};
    this.free = this.owned.add(new OwnStepLane(lane, { ...context, name: 'free' }, { access, ...select }));
    const local = { access, seed: reference, ...select };
    this.local = this.owned.add(new OwnStepLane(lane, { ...context, name: 'local' }, local));
    // The reference read the weights as they are: at another precision its results are no way to compute a node.
    const asIs = access.precision === PLAIN_ACCESS.precision;
    const probe = (step: CapturedStep): LaneProbe => laneProbe({ ...context, lane, step, seed: reference(step) });
    const onReference = (step: CapturedStep): Candidate => ({
      ...whole(at(this.locals, step)),
      seed: reference(step),
      ...(asIs ? { golden: reference(step) } : {}),
    });
    this.judge = new StepJudge(context, onReference, probe);
    this.freeJudge = new StepJudge(context, (step) => this.onItself(step), probe);
  }

  async next(step: CapturedStep): Promise<StepOutcome> {
    this.frees.push((await this.free.next(step)).trace);
    this.locals.push((await this.local.next(step)).trace);
    const free = at(this.frees, step);
    let examination = await this.judgedBy(this.judge, step);
    if (isClean(examination) && this.isSuspicious(step, free)) examination = await this.judgedBy(this.freeJudge, step);
    return {
      examination: { ...examination, evidence: { ...examination.evidence, free: this.onItself(step) } },
      logits: lastLogits(step.graph, free),
      alignment: [],
      inherited: inheritedErrors(step.graph, this.reference(step), free),
      timings: free.manifest?.timings,
    };
  }

  dispose(): Promise<void> {
    return this.owned.dispose();
  }

  private async judgedBy(judge: StepJudge, step: CapturedStep): Promise<Judged> {
    return tellRounding(await judge.at(step.index), this.context.control);
  }

  private onItself(step: CapturedStep): Candidate {
    const free = at(this.frees, step);
    return { ...whole(free), seed: free };
  }

  /** Whether a run that is right node by node still ends elsewhere than the reference does. */
  private isSuspicious(step: CapturedStep, free: TraceSource): boolean {
    const node = lastNode(step.graph);
    const reference = this.reference(step);
    if (!node || !free.entries.has(node.key) || !reference.entries.has(node.key)) return false;
    return !(nmseOf(reference.readF32(node.key), free.readF32(node.key)) <= INHERITED_SUSPICION);
  }
}

/** What a run has gathered of errors at each node, its own and those of the nodes before. */
export function inheritedErrors(
  graph: Graph,
  reference: TraceSource,
  candidate: TraceSource,
  maskOf: (key: string) => Uint8Array | undefined = () => undefined,
): ReadonlyMap<string, number> {
  const errors = new Map<string, number>();
  for (const id of graph.order) {
    const { key } = tensorOf(graph, id);
    if (!candidate.entries.has(key) || !reference.entries.has(key)) continue;
    const [right, wrong] = [reference.readF32(key), candidate.readF32(key)];
    if (right.length === wrong.length) errors.set(key, nmseOf(right, wrong, maskOf(key)));
  }
  return errors;
}

export function isClean(examination: Examination): boolean {
  return !examination.judged.some((j) => j.judgement.bad);
}

export function whole(results: TraceSource): Pick<Candidate, 'results' | 'dtype' | 'mask'> {
  return { results, dtype: () => 'F32', mask: () => undefined };
}

export function at<T>(steps: readonly T[], step: CapturedStep): T {
  return defined(steps[step.index], `results of step ${step.index}`);
}
