import fs from 'node:fs';
import path from 'node:path';

import { defined } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { asPart } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import type {
  ConformanceLane,
  ConformanceReport,
  LaneEnd,
  ModelConformance,
} from '../../shared/divergence/conformance';
import { conformanceReport, ConformanceTally, isAstray } from '../../shared/divergence/conformance';
import type { GraphLane } from '../../shared/divergence/lane';
import type { TraceSource } from '../../shared/trace/trace';
import { isLaterShard } from '../files/model-file';
import { modelFilesOf } from '../files/run-inputs';
import { onUnchanged } from '../files/watched-files';
import { PLAIN_ACCESS, WeightView } from '../files/weight-view';
import type { CapturedStep } from './capture-session';
import { openCapture } from './capture-session';
import type { ModelRun } from './lane-ends';
import { choicesOf, choosesByRank, LaneEnds } from './lane-ends';
import { whole } from './examine-lanes';
import { owning } from './owned';
import type { Engines } from './produce-trace';
import { RunFolder } from './run-folder';
import { StepJudge } from './step-judge';
import { OwnStepLane } from './step-lanes';
import type { StepPlan } from './step-plan';
import { tokenOfStep } from './step-plan';

export interface ConformanceRequest {
  /** Folder of model files. */
  readonly models: string;
  readonly tokens: readonly number[];
  readonly plan: StepPlan;
  readonly lanes: readonly ConformanceLane[];
}

/** Runs every model of a folder on every lane, step by step, against llama.cpp. One model's failure is its own. */
export async function conformance(
  request: ConformanceRequest,
  engines: Engines,
  control: JobControl,
  onModel: (model: ModelConformance) => void,
): Promise<ConformanceReport> {
  const files = modelFiles(request.models);
  const models: ModelConformance[] = [];
  // One lane for all: its kernels are compiled once.
  const webgpu = request.lanes.includes('webgpu') ? await engines.webgpuLane() : undefined;
  try {
    for (const [i, file] of files.entries()) {
      control.throwIfCancelled();
      const stage = `${path.basename(file)} (${i + 1} of ${files.length})`;
      const model = await checkModel(file, request, webgpu, asPart(control, stage));
      models.push(model);
      onModel(model);
    }
  } finally {
    await webgpu?.dispose();
  }
  return conformanceReport(models);
}

/** Every model of the folder; of a split one the first part. */
function modelFiles(folder: string): readonly string[] {
  if (!fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new QuarrelError(`${folder}: no such folder`);
  const files = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.gguf'))
    .sort()
    .map((name) => path.join(folder, name))
    .filter((file) => !isLaterShard(file));
  if (files.length === 0) throw new QuarrelError(`${folder}: no model file (*.gguf) in it`);
  return files;
}

async function checkModel(
  file: string,
  request: ConformanceRequest,
  lane: GraphLane | undefined,
  control: JobControl,
): Promise<ModelConformance> {
  const begin = performance.now();
  const tally = new ConformanceTally();
  try {
    await onUnchanged(modelFilesOf(file), () =>
      owning(async (owned) => {
        const folder = owned.add(new RunFolder());
        const { tokens, plan } = request;
        const session = owned.add(
          await openCapture({
            modelPath: file,
            prompt: { kind: 'tokens', tokens },
            lane: { kind: 'llama', device: 'cpu' },
            folder,
            control,
            moreTokens: plan.count,
          }),
        );
        await checkSteps({ session, folder, control, owned, lane, request, tally });
      }),
    );
  } catch (e) {
    if (!(e instanceof QuarrelError)) throw e;
    tally.addFailure(e.message);
  }
  const { tokens, plan } = request;
  return tally.result({ file, tokens, stepsAsked: plan.count, seconds: (performance.now() - begin) / 1000 });
}

interface ModelCheck extends ModelRun {
  readonly folder: RunFolder;
  /** The webgpu lane, where it takes part. */
  readonly lane: GraphLane | undefined;
  readonly request: ConformanceRequest;
  readonly tally: ConformanceTally;
}

async function checkSteps(check: ModelCheck): Promise<void> {
  const { session, request, tally } = check;
  const weights = WeightView.of(session.model, PLAIN_ACCESS);
  const webgpu = check.lane && openWebGpu(check.lane, check);
  const free = new LaneEnds(check, weights, webgpu?.free);
  const forced = forcedEnds(check, weights);
  const judge = new StepJudge({ ...check, weights }, (step) => {
    const { captured } = step;
    const local = webgpu?.locals[step.index];
    return { ...whole(local ?? captured), seed: captured, ...(local ? { golden: captured } : {}) };
  });
  for (let step: CapturedStep | undefined = session.first; step;) {
    const ends = await free.next(step);
    webgpu?.locals.push((await webgpu.local.next(step)).trace);
    const { index, tokens } = step;
    const astray = isAstray(ends) && choosesByRank(step.graph);
    tally.addStep({ step: index, tokens, ...ends, alongChoices: astray ? await forced.at(index) : null });
    tally.addNodes(webgpu ? 'webgpu' : 'reference', index, await judge.at(index));
    const token = tokenOfStep(request.plan, index + 1, step.next);
    step = token === undefined ? undefined : await session.advance([token]);
  }
}

interface WebGpuRuns {
  readonly free: OwnStepLane;
  /** Node by node on llama.cpp's values. */
  readonly local: OwnStepLane;
  readonly locals: TraceSource[];
}

function openWebGpu(lane: GraphLane, check: ModelCheck): WebGpuRuns {
  const free = new OwnStepLane(lane, { ...check, name: 'webgpu-free' });
  const seed = (step: CapturedStep): TraceSource => step.captured;
  const local = check.owned.add(new OwnStepLane(lane, { ...check, name: 'webgpu-local' }, { seed }));
  return { free, local, locals: [] };
}

/** Runs that take llama.cpp's own choices (of experts, of positions to attend to), made only once one is asked for. */
function forcedEnds(check: ModelCheck, weights: WeightView): { at(i: number): Promise<LaneEnd> } {
  let ends: LaneEnds | undefined;
  const done: LaneEnd[] = [];
  return {
    at: async (index) => {
      const how = { seed: choicesOf };
      ends ??= new LaneEnds(
        check,
        weights,
        check.lane && new OwnStepLane(check.lane, { ...check, name: 'webgpu-forced' }, how),
        choicesOf,
      );
      while (done.length <= index) done.push(await ends.next(defined(check.session.steps[done.length], 'a step')));
      return defined(done[index], `end of step ${index}`);
    },
  };
}
