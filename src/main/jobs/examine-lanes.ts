/** What a candidate shows at each step: its judged nodes, its logits, how it was aligned. */
import { defined } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { nmseOf } from '../../shared/compare/metrics';
import { INHERITED_SUSPICION } from '../../shared/compare/tolerance';
import { lastLogits, lastNode } from '../../shared/divergence/assemble-verdict';
import type { Candidate, Examination } from '../../shared/divergence/examine';
import type { GraphLane } from '../../shared/divergence/lane';
import type { Graph } from '../../shared/graph/graph';
import { tensorOf } from '../../shared/graph/graph';
import type { AlignedTrace } from '../../shared/trace/alignment';
import { isNumbered } from '../../shared/trace/numbered-names';
import type { TraceSource } from '../../shared/trace/trace';
import { PLAIN_ACCESS } from '../files/weight-view';
import type { CapturedStep } from './capture-session';
import type { InferredNames } from './infer-names';
import { Owned } from './owned';
import { StepJudge } from './step-judge';
import { laneProbe } from './lane-probe';
import type { JudgeContext, Judged, LaneProbe } from './step-judge';
import type { FollowContext, StepLane } from './step-lanes';
import { OwnStepLane } from './step-lanes';

export interface StepOutcome {
  readonly examination: Judged;
  readonly logits: Float32Array | undefined;
  readonly alignment: readonly string[];
  /** NMSE of the candidate's whole run against the reference, by node key. */
  readonly inherited: ReadonlyMap<string, number>;
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
    context: JudgeContext & Omit<FollowContext, 'name'>,
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
    const onItself = (step: CapturedStep): Candidate => ({
      ...whole(at(this.frees, step)),
      seed: at(this.frees, step),
    });
    this.freeJudge = new StepJudge(context, onItself, probe);
  }

  async next(step: CapturedStep): Promise<StepOutcome> {
    this.frees.push((await this.free.next(step)).trace);
    this.locals.push((await this.local.next(step)).trace);
    const free = at(this.frees, step);
    let examination = await this.judge.at(step.index);
    if (isClean(examination) && this.isSuspicious(step, free)) examination = await this.freeJudge.at(step.index);
    return {
      examination,
      logits: lastLogits(step.graph, free),
      alignment: [],
      inherited: inheritedErrors(step.graph, this.reference(step), free),
      timings: free.manifest?.timings,
    };
  }

  dispose(): Promise<void> {
    return this.owned.dispose();
  }

  /** Whether a run that is right node by node still ends elsewhere than the reference does. */
  private isSuspicious(step: CapturedStep, free: TraceSource): boolean {
    const node = lastNode(step.graph);
    const reference = this.reference(step);
    if (!node || !free.entries.has(node.key) || !reference.entries.has(node.key)) return false;
    return !(nmseOf(reference.readF32(node.key), free.readF32(node.key)) <= INHERITED_SUSPICION);
  }
}

/** Somebody else's results are replayed on their own values. */
export class DumpExaminer implements Examiner {
  private readonly steps: AlignedTrace[] = [];
  private readonly judge: StepJudge;
  /** Judges the dump without its numbered nodes, should their numbers be those of another graph. */
  private readonly named: StepJudge;
  private numbersAreOthers = false;
  /** Judges the reference by the same rule, should the dump be blamed. */
  private readonly control: StepJudge;

  constructor(
    private readonly lane: StepLane,
    context: JudgeContext,
    private readonly reference: ReferenceAt,
  ) {
    const candidateOf = (step: CapturedStep, results: TraceSource): Candidate => {
      const aligned = at(this.steps, step);
      return { seed: results, results, dtype: (key) => aligned.dtype(key), mask: (key) => aligned.mask(key) };
    };
    this.judge = new StepJudge(context, (step) => candidateOf(step, at(this.steps, step)));
    this.named = new StepJudge(context, (step) => candidateOf(step, withoutNumbered(at(this.steps, step))));
    this.control = new StepJudge(context, (step) => ({ ...whole(reference(step)), seed: reference(step) }));
  }

  async next(step: CapturedStep): Promise<StepOutcome> {
    const { aligned: lane, inferred, isMapped } = await this.lane.next(step);
    const aligned = defined(lane, `alignment of step ${step.index}`);
    this.steps.push(aligned);
    if (aligned.entries.size === 0) {
      const keys = aligned.foreignKeys;
      const some = keys.slice(0, 3).join(', ');
      throw new QuarrelError(
        `${aligned.label}: none of its ${keys.length} checkpoints (${some} …) is a node of the graph; ` +
          'give --map FILE to translate names',
      );
    }
    // a dump with a graph of its own was matched by that
    const isNamed = isMapped === true || aligned.manifest?.graph !== undefined;
    const examined = isNamed ? await this.judge.at(step.index) : await this.examined(step, aligned);
    const examination = isClean(examined) ? examined : withoutDistrusted(examined, await this.control.at(step.index));
    if (inferred?.tooFew !== undefined && isClean(examination)) throw new QuarrelError(inferred.tooFew);
    const withMisfits = { ...examination, notMeasured: [...aligned.misfits, ...examination.notMeasured] };
    return {
      examination: withMisfits,
      logits: lastLogits(step.graph, aligned),
      alignment: [
        ...inferenceNotes(inferred, examination),
        ...aligned.notes,
        ...(this.numbersAreOthers ? [OTHER_NUMBERS] : []),
      ],
      inherited: inheritedErrors(step.graph, this.reference(step), aligned, (key) => aligned.mask(key)),
      timings: aligned.manifest?.timings,
    };
  }

  dispose(): Promise<void> {
    return this.lane.dispose();
  }

  /** Numbered names are believed unless most are bad from the first bad one on, as where that graph has another node. */
  private async examined(step: CapturedStep, aligned: AlignedTrace): Promise<Judged> {
    if (this.numbersAreOthers) return this.named.at(step.index);
    const examined = await this.judge.at(step.index);
    const numbered = examined.judged.filter(({ node }) => isNumbered(node.name)).map((n) => n.judgement.bad);
    const fromBad = numbered.slice(numbered.indexOf(true));
    const bad = fromBad.filter(Boolean).length + aligned.misfits.filter(({ node }) => isNumbered(node)).length;
    if (2 * bad <= fromBad.length || bad === 0) return examined;
    this.numbersAreOthers = true;
    return this.named.at(step.index);
  }
}

const OTHER_NUMBERS =
  'numbered names (node_48 …) are left out: most of them do not fit, as where another graph gave the numbers; give ' +
  '--map to place them';

function withoutNumbered(aligned: AlignedTrace): TraceSource {
  const entries = new Map([...aligned.entries].filter(([key]) => !isNumbered(key)));
  const { label, engine, tokens, manifest, declared } = aligned;
  return {
    ...{ label, engine, tokens, manifest, declared, entries },
    readF32: (key) => aligned.readF32(key),
    readRaw: (key) => aligned.readRaw(key),
  };
}

/** Where names were inferred, a node is never blamed without saying so. */
function inferenceNotes(inferred: InferredNames | undefined, { judged }: Examination): readonly string[] {
  if (!inferred) return [];
  const bad = judged.find((j) => j.judgement.bad);
  const ofBad = bad && inferred.noteOf(bad.node.key);
  return [inferred.note, ...(ofBad === undefined ? [] : [ofBad])];
}

/** What a run has gathered of errors at each node, its own and those of the nodes before. */
function inheritedErrors(
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

/**
 * Before a dump is blamed, the reference lane is judged by the same rule on its own inputs. Where it fails too, our
 * correct ways are in doubt, not the dump: the node is not measured.
 */
function withoutDistrusted(examined: Judged, control: Examination): Judged {
  const distrusted = new Set(control.judged.filter((j) => j.judgement.bad).map((j) => j.node.key));
  const judged = examined.judged.filter((j) => !j.judgement.bad || !distrusted.has(j.node.key));
  const doubted = examined.judged.filter((j) => !judged.includes(j));
  return {
    ...examined,
    judged,
    notMeasured: [
      ...doubted.map(({ node }) => ({
        node: node.key,
        op: node.kind,
        reason: 'the reference lane fails the same test here',
      })),
      ...examined.notMeasured,
    ],
  };
}

export function isClean(examination: Examination): boolean {
  return !examination.judged.some((j) => j.judgement.bad);
}

export function whole(results: TraceSource): Pick<Candidate, 'results' | 'dtype' | 'mask'> {
  return { results, dtype: () => 'F32', mask: () => undefined };
}

function at<T>(steps: readonly T[], step: CapturedStep): T {
  return defined(steps[step.index], `results of step ${step.index}`);
}
