import fs from 'node:fs';

import { defined } from '../../shared/base/assert';
import type { JobControl } from '../../shared/base/progress';
import { QuarrelError } from '../../shared/base/errors';
import { topLogits } from '../../shared/compare/logits';
import { lastLogits } from '../../shared/divergence/assemble-verdict';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import { choiceTexts } from '../../shared/divergence/run-choices';
import { tensorOf } from '../../shared/graph/graph';
import { planPart } from '../../shared/graph/part';
import type { PromptSpec } from '../../shared/ipc/jobs';
import type { WeightAccess } from '../files/weight-view';
import { modelFilesOf } from '../files/run-inputs';
import { onUnchanged } from '../files/watched-files';
import { moveInto } from '../files/write-atomic';
import { mergeSteps } from '../traces/merge-steps';
import { TraceFile } from '../traces/trace-file';
import type { CapturedStep, CaptureSession } from './capture-session';
import { openCapture } from './capture-session';
import { requirePlaced } from './check-beside';
import type { SelectionRequest } from './node-selection';
import { nodeSelection, selectedNodes } from './node-selection';
import type { Owned } from './owned';
import { owning } from './owned';
import type { Engines, LaneLimits, OwnLane } from './produce-trace';
import { openOwnLane } from './produce-trace';
import { RunFolder } from './run-folder';
import { OwnStepLane } from './step-lanes';
import type { StepPlan } from './step-plan';
import { NO_STEPS, tokenOfStep } from './step-plan';

export interface TraceLaneRequest extends SelectionRequest {
  readonly modelPath: string;
  readonly prompt: PromptSpec;
  readonly lane: Exclude<LaneSpec, { kind: 'trace' | 'cmd' }>;
  readonly out: string;
  readonly threads?: number;
  readonly steps?: StepPlan;
  /** The rules of `lane`, as given, where it places layers. */
  readonly place?: string;
  readonly access?: WeightAccess;
  readonly limits?: LaneLimits;
}

/**
 * Runs one lane freely, with as many decode steps as planned, and leaves its trace at `out`. Where no step tokens are
 * given, each is the lane's own first choice. The caller disposes the opened trace.
 */
export async function traceLane(request: TraceLaneRequest, engines: Engines, control: JobControl): Promise<TraceFile> {
  const { out } = request;
  if (fs.statSync(out, { throwIfNoEntry: false })?.isDirectory()) {
    throw new QuarrelError(`cannot write ${out}: it is a folder; the name of a trace file is expected`);
  }
  await owning(async (owned) => {
    const folder = owned.add(new RunFolder(out));
    const run = { folder, request, engines, control, owned };
    moveInto(await onUnchanged(modelFilesOf(request.modelPath), () => runIn(run)), out);
  });
  return TraceFile.open(out);
}

/** The finished trace, in the run's folder. */
async function runIn(run: Omit<OwnTrace, 'session'>): Promise<string> {
  const { request, folder, control, owned } = run;
  const { lane } = request;
  const session = owned.add(await captureFor(request, folder, control));
  requirePlaced(session.model, lane);
  const traces =
    lane.kind === 'llama' ? await followCapture(session, request) : await runOwnLane(lane, { session, ...run });
  return traces.length > 1 ? merged(traces, folder) : defined(traces[0], 'the trace of the prompt').label;
}

function merged(traces: readonly TraceFile[], folder: RunFolder): string {
  const whole = folder.file('all-steps.safetensors');
  mergeSteps(traces, whole);
  return whole;
}

/** A capture that holds all that the lane reads: of some layers only, where that is enough. */
async function captureFor(request: TraceLaneRequest, folder: RunFolder, control: JobControl): Promise<CaptureSession> {
  const { lane, layers, steps = NO_STEPS } = request;
  if (lane.kind === 'llama') return capture(request, folder, control, layers !== undefined);
  // A capture that ends after some layers has no logits to go on with: own lanes then pick their part themselves.
  if (layers === undefined || steps.count > 0) return capture(request, folder, control, false);
  const cut = await capture(request, folder, control, true);
  if (givesAll(cut.first, request)) return cut;
  cut.dispose();
  return capture(request, folder, control, false);
}

/** Not so where layers share a KV cache: the writer of a cache lies before the layers that were captured. */
function givesAll({ graph, captured }: CapturedStep, request: TraceLaneRequest): boolean {
  const select = nodeSelection(request, 0);
  const given = select ? planPart(graph, select(graph, [])).given : [];
  return [...given].every((id) => captured.entries.has(tensorOf(graph, id).key));
}

function capture(
  request: TraceLaneRequest,
  folder: RunFolder,
  control: JobControl,
  cut: boolean,
): Promise<CaptureSession> {
  const { modelPath, prompt, lane, layers, threads, steps = NO_STEPS } = request;
  return openCapture({
    modelPath,
    prompt,
    lane: lane.kind === 'llama' ? lane : { kind: 'llama', device: 'cpu' },
    folder,
    control,
    moreTokens: steps.count,
    ...(cut && layers ? { layers } : {}),
    ...(threads === undefined ? {} : { threads }),
  });
}

async function followCapture(session: CaptureSession, { steps = NO_STEPS }: TraceLaneRequest): Promise<TraceFile[]> {
  for (let step = session.first; ;) {
    const token = tokenOfStep(steps, step.index + 1, step.next);
    if (token === undefined) return session.steps.map(({ captured }) => captured);
    step = await session.advance([token]);
  }
}

interface OwnTrace {
  readonly session: CaptureSession;
  readonly folder: RunFolder;
  readonly request: TraceLaneRequest;
  readonly engines: Engines;
  readonly control: JobControl;
  readonly owned: Owned;
}

async function runOwnLane(spec: OwnLane, c: OwnTrace): Promise<readonly TraceFile[]> {
  const { session, request, engines, owned } = c;
  const { steps = NO_STEPS, access, limits } = request;
  const lane = owned.add(await openOwnLane(spec, engines, limits));
  const select = nodeSelection(request, steps.count);
  const choices = choiceTexts({
    weights: access?.precision ?? 'as-is',
    layers: request.layers ?? null,
    stopAfter: request.stopAfter ?? null,
    place: request.place ?? null,
  });
  const how = { keepGraph: true, choices, ...(access ? { access } : {}), ...(select ? { select } : {}) };
  const follower = owned.add(new OwnStepLane(lane, { ...c, name: 'lane' }, how));
  const traces: TraceFile[] = [];
  for (let step: CapturedStep | undefined = session.first; step;) {
    if (select && selectedNodes(select, session, step).size === 0) break;
    const { trace } = await follower.next(step);
    traces.push(trace);
    const logits = step.hasLogits ? lastLogits(step.graph, trace) : undefined;
    const token = tokenOfStep(steps, step.index + 1, logits ? topLogits(logits, 1)[0]?.token : step.next);
    step = token === undefined ? undefined : await session.advance([token]);
  }
  return traces;
}
