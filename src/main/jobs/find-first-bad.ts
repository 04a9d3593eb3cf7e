import { staged } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import { QuarrelError } from '../../shared/base/errors';
import { defined } from '../../shared/base/assert';
import { topLogits } from '../../shared/compare/logits';
import type { Diagnosis } from '../../shared/divergence/assemble-verdict';
import { assembleVerdict, lastLogits } from '../../shared/divergence/assemble-verdict';
import { tokensOf } from '../../shared/divergence/effect';
import { NO_EFFECT_LIMITS } from '../../shared/divergence/effect-plan';
import type { JudgedNode } from '../../shared/divergence/examine';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import { parseLane, placementText } from '../../shared/divergence/lane-spec';
import type { RunChoices } from '../../shared/divergence/run-choices';
import type { Verdict } from '../../shared/divergence/verdict';
import type { FindFirstBadRequest } from '../../shared/ipc/jobs';
import type { NameMap } from '../../shared/trace/name-map';
import type { TraceSource } from '../../shared/trace/trace';
import type { TimedLane } from '../reports/lane-times';
import { LaneTimes } from '../reports/lane-times';
import type { FirstBad } from '../repro/first-bad';
import { tokenPieces } from '../capture/token-pieces';
import { dumpsOf, modelFilesOf } from '../files/run-inputs';
import { explained, WatchedFiles } from '../files/watched-files';
import type { WeightAccess } from '../files/weight-view';
import { PLAIN_ACCESS, WeightView } from '../files/weight-view';
import type { CapturedStep, CaptureSession } from './capture-session';
import { openCapture } from './capture-session';
import type { Beside, Checks } from './check-beside';
import { checkBeside, requireFitting } from './check-beside';
import { diagnoseSteps } from './diagnose-steps';
import type { Effects } from './effects';
import { effectsOf, NO_EFFECTS } from './effects';
import type { JudgedStep } from './diagnose-steps';
import type { Examiner } from './examine-lanes';
import { DumpExaminer } from './examine-dump';
import { OwnExaminer } from './examine-lanes';
import type { ForeignOptions } from './foreign-lane';
import { ForeignLane } from './foreign-lane';
import type { SelectionRequest, SelectNodes } from './node-selection';
import { nodeSelection, selectedNodes } from './node-selection';
import { owning } from './owned';
import type { Owned } from './owned';
import type { Engines, LaneLimits } from './produce-trace';
import { isOwnLane, openOwnLane } from './produce-trace';
import { RunFolder } from './run-folder';
import type { SearchBudgets } from './search-budgets';
import { searchBudgets } from './search-budgets';
import type { StepLane } from './step-lanes';
import { followLlama, followTrace, OwnStepLane } from './step-lanes';
import type { StepPlan } from './step-plan';
import { stepPlan, tokenOfStep } from './step-plan';
import { tokensToRun } from './tokens-to-run';

/** What the command line may ask beyond the window. */
export interface BisectOptions {
  readonly map?: NameMap;
  readonly threads?: number;
  /** The decode steps' tokens; the reference's greedy choice when absent. */
  readonly stepTokens?: readonly number[];
  /** How own lanes read the weights. */
  readonly access?: WeightAccess;
  readonly limits?: LaneLimits;
  /** The nodes that own lanes run; see SelectionRequest. */
  readonly selection?: SelectionRequest;
  /** How a foreign program (`cmd:`) is run. */
  readonly foreign?: ForeignOptions;
  /** Takes the first bad node while it can still be replayed: to write a repro. Not called where every node is right. */
  readonly onBad?: (first: FirstBad, verdict: Verdict) => void;
  /** Takes the times of the lanes that ran. */
  readonly onTimes?: (lanes: readonly TimedLane[]) => void;
}

type Request = FindFirstBadRequest & BisectOptions;

interface Bisection {
  readonly session: CaptureSession;
  readonly folder: RunFolder;
  readonly engines: Engines;
  readonly owned: Owned;
  readonly control: JobControl;
  readonly request: Request;
  readonly plan: StepPlan;
  readonly select?: SelectNodes;
  readonly times: LaneTimes;
  readonly beside: Beside;
  readonly budgets: SearchBudgets;
  /** Model and dumps. */
  readonly files: WatchedFiles;
}

/** The wizard: captures the graphs, runs reference and candidate, judges every node on its own inputs. */
export function findFirstBad(request: Request, engines: Engines, control: JobControl): Promise<Verdict> {
  const { modelPath, reference, candidate } = request;
  const files = new WatchedFiles([...modelFilesOf(modelPath), ...dumpsOf(reference), ...dumpsOf(candidate)]);
  return explained(files, () => bisectOn(files, request, engines, control));
}

function bisectOn(files: WatchedFiles, request: Request, engines: Engines, control: JobControl): Promise<Verdict> {
  return owning(async (owned) => {
    const referenceSpec = parseLane(request.reference);
    const { modelPath, threads } = request;
    const plan = stepPlan(request.steps, request.stepTokens);
    const select = nodeSelection(request.selection ?? {}, plan.count);
    const folder = owned.add(new RunFolder());
    const lane = referenceSpec.kind === 'llama' ? referenceSpec : ({ kind: 'llama', device: 'cpu' } as const);
    const more = { moreTokens: plan.count, ...(threads === undefined ? {} : { threads }) };
    const tokens = await tokensToRun(request, control);
    const { prompt } = tokens;
    const session = owned.add(await openCapture({ modelPath, prompt, lane, folder, control, ...more }));
    requireFitting(session, request);
    const beside: Beside = { tokens };
    const fixed = { session, folder, files, engines, owned, control, request, plan, ...(select ? { select } : {}) };
    const budgets = searchBudgets(request.budget);
    const bisection = { ...fixed, times: new LaneTimes(), beside, budgets };
    const steps = await examineSteps(bisection);
    request.onTimes?.(bisection.times.lanes);
    return conclude(bisection, steps);
  });
}

/** Why the bad nodes are bad, and the verdict. */
async function conclude(b: Bisection, steps: readonly JudgedStep[]): Promise<Verdict> {
  const { onBad } = b.request;
  if (b.files.changed() !== undefined) return verdictOf(b, steps, NOTHING_FOUND);
  const kept: { first?: FirstBad } = {};
  const keep = onBad && ((first: FirstBad): void => void (kept.first = first));
  const checks = await checkBeside(b, steps);
  const causes = b.budgets.causes();
  const looked = await diagnoseSteps(steps, causes, staged(b.control, 'find the cause'), keep);
  const { diagnoses } = looked;
  const { alone: effects, together } = await followErrors(b, looked.steps, diagnoses);
  const verdict = await verdictOf(b, looked.steps, { diagnoses, effects, together, ...checks });
  if (kept.first && verdict.firstBad) onBad?.(kept.first, verdict);
  return verdict;
}

/** What bad nodes do to the answer; nothing where that was not asked for. */
async function followErrors(
  { session, request: { effect }, control }: Bisection,
  steps: readonly JudgedStep[],
  diagnoses: ReadonlyMap<JudgedNode, Diagnosis>,
): Promise<Effects> {
  if (effect === false) return NO_EFFECTS;
  const limits = effect === true ? { limits: NO_EFFECT_LIMITS } : {};
  return effectsOf(steps, {
    diagnoses,
    hasLogits: ({ index }) => session.steps[index]?.hasLogits ?? false,
    control,
    ...limits,
  });
}

/** One step after another: reference, candidate, judge, next token. */
async function examineSteps(b: Bisection): Promise<readonly JudgedStep[]> {
  const { session, plan, owned, request, control } = b;
  const references: TraceSource[] = [];
  const reference = await referenceLane(b);
  const referenceAt = (step: CapturedStep): TraceSource =>
    defined(references[step.index], `reference of step ${step.index}`);
  const examiner = owned.add(await openExaminer(parseLane(request.candidate), b, referenceAt));
  const results: JudgedStep[] = [];
  for (let step: CapturedStep | undefined = session.first; step;) {
    control.throwIfCancelled();
    const part = b.select && selectedNodes(b.select, session, step);
    if (part?.size === 0) break;
    const trace = reference ? (await reference.next(step)).trace : step.captured;
    references.push(trace);
    const { examination, logits, alignment, unplaced, inherited, told, timings } = await examiner.next(step);
    const { index, tokens, graph, captured } = step;
    b.times.add(request.reference, index, graph, trace.manifest?.timings);
    b.times.add(request.candidate, index, graph, timings);
    // An encoder ends in embeddings: no token comes next.
    const referenceLogits = step.hasLogits ? lastLogits(graph, trace) : undefined;
    const candidateLogits = step.hasLogits ? logits : undefined;
    results.push({
      index,
      tokens,
      graph,
      captured,
      examination,
      referenceLogits,
      candidateLogits,
      alignment,
      inherited,
      ...(told ? { told } : {}),
      ...(unplaced ? { unplaced } : {}),
      ...(part ? { part } : {}),
    });
    const greedy = reference && referenceLogits ? topLogits(referenceLogits, 1)[0]?.token : step.next;
    const token = tokenOfStep(plan, index + 1, greedy);
    step = token === undefined ? undefined : await session.advance([token]);
  }
  return results;
}

/** The lane that is right; nothing to run where that is the captured one. */
async function referenceLane(b: Bisection): Promise<StepLane | undefined> {
  const spec = parseLane(b.request.reference);
  if (spec.kind === 'llama') return undefined;
  if (spec.kind === 'trace') return b.owned.add(followTrace(spec.path, undefined));
  if (spec.kind === 'cmd') throw new QuarrelError('the reference is a lane of ours or a dump; cmd: is for candidates');
  const lane = b.owned.add(await openOwnLane(spec, b.engines, b.request.limits));
  return b.owned.add(new OwnStepLane(lane, { ...b, name: 'reference' }));
}

async function openExaminer(
  spec: LaneSpec,
  b: Bisection,
  referenceAt: (step: CapturedStep) => TraceSource,
): Promise<Examiner> {
  const { session, request, plan, owned, engines, select } = b;
  const { access = PLAIN_ACCESS, limits, map } = request;
  const weights = WeightView.of(session.model, access);
  const context = { ...b, weights };
  if (isOwnLane(spec)) {
    const lane = owned.add(await openOwnLane(spec, engines, limits));
    b.beside.lane = lane;
    return new OwnExaminer(lane, context, referenceAt);
  }
  if (select || access.precision !== 'as-is') {
    throw new QuarrelError(
      `${request.candidate} brings finished results: parts and weights can be chosen for reference and webgpu only`,
    );
  }
  if (spec.kind === 'cmd') {
    const { foreign } = request;
    const options = { ...(map ? { map } : {}), ...(foreign ? { foreign } : {}) };
    b.beside.program = new ForeignLane(spec.command, { ...context, ...options });
    return new DumpExaminer(b.beside.program, context, referenceAt);
  }
  const lane =
    spec.kind === 'trace'
      ? followTrace(spec.path, map, staged(b.control, 'match names'))
      : await followLlama(spec, { ...b, name: 'candidate' }, plan.count);
  return new DumpExaminer(lane, context, referenceAt);
}

type Found = Checks & {
  readonly diagnoses: ReadonlyMap<JudgedNode, Diagnosis>;
  readonly effects: Effects['alone'];
  readonly together: Effects['together'];
};

const NOTHING_FOUND: Found = {
  ...{ preflight: [], preflightCause: null, unusable: null, observations: [] },
  ...{ diagnoses: new Map(), effects: NO_EFFECTS.alone, together: NO_EFFECTS.together },
};

async function verdictOf(
  { session, request, files }: Bisection,
  steps: readonly JudgedStep[],
  found: Found,
): Promise<Verdict> {
  const { modelPath, reference, candidate, expect, minLogit, strict } = request;
  const best = steps.flatMap((s) => [s.referenceLogits, s.candidateLogits]);
  const tokens = new Set([...bestTokens(best), ...tokensOf([...found.effects.values(), ...found.together.values()])]);
  const pieces = await tokenPieces(session.model.path, [...tokens]);
  const changed = files.changed();
  return assembleVerdict({
    model: modelPath,
    reference,
    candidate,
    options: choicesOf(request),
    weights: session.model,
    steps,
    textOf: (token) => pieces.get(token),
    ...found,
    ...(expect === undefined ? {} : { expect }),
    ...(minLogit === undefined ? {} : { minLogit }),
    ...(strict ? { strict } : {}),
    ...(changed === undefined ? {} : { changed }),
  });
}

function choicesOf({ access = PLAIN_ACCESS, selection = {}, candidate }: Request): RunChoices {
  return {
    weights: access.precision,
    layers: selection.layers ?? null,
    stopAfter: selection.stopAfter ?? null,
    place: placementText(candidate),
  };
}

function bestTokens(rows: readonly (Float32Array | undefined)[]): number[] {
  return rows.flatMap((row) => (row ? topLogits(row, 1).map((t) => t.token) : []));
}
