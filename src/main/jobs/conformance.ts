import fs from 'node:fs';
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import { nmseOf } from '../../shared/compare/metrics';
import { logitsNode } from '../../shared/divergence/assemble-verdict';
import type { ConformanceLane, ConformanceReport, ModelConformance } from '../../shared/divergence/conformance';
import { conformanceReport, ConformanceTally } from '../../shared/divergence/conformance';
import type { Graph } from '../../shared/graph/graph';
import { StateMemories } from '../../shared/ops/state-memories';
import type { TraceSource } from '../../shared/trace/trace';
import { PLAIN_ACCESS, WeightView } from '../files/weight-view';
import { runReference } from '../lanes/reference-run';
import type { CapturedStep, CaptureSession } from './capture-session';
import { openCapture } from './capture-session';
import { whole } from './examine-lanes';
import type { Owned } from './owned';
import { owning } from './owned';
import type { Engines } from './produce-trace';
import { openOwnLane } from './produce-trace';
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
  for (const [i, file] of files.entries()) {
    control.throwIfCancelled();
    const stage = `${path.basename(file)} (${i + 1} of ${files.length})`;
    const within: JobControl = {
      progress: (p) => control.progress({ ...p, stage: `${stage}: ${p.stage}` }),
      throwIfCancelled: () => control.throwIfCancelled(),
      onCancel: (listener) => control.onCancel(listener),
    };
    const model = await checkModel(file, request, engines, within);
    models.push(model);
    onModel(model);
  }
  return conformanceReport(models);
}

/** A part of a split model that is not its first. */
const LATER_SHARD = /-(?!00001)\d{5}-of-\d{5}\.gguf$/;

/** Every model of the folder; of a split one the first part. */
function modelFiles(folder: string): readonly string[] {
  if (!fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new QuarrelError(`${folder}: no such folder`);
  const files = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.gguf') && !LATER_SHARD.test(name))
    .sort()
    .map((name) => path.join(folder, name));
  if (files.length === 0) throw new QuarrelError(`${folder}: no model file (*.gguf) in it`);
  return files;
}

async function checkModel(
  file: string,
  request: ConformanceRequest,
  engines: Engines,
  control: JobControl,
): Promise<ModelConformance> {
  const begin = performance.now();
  const tally = new ConformanceTally();
  try {
    await owning(async (owned) => {
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
      await checkSteps({ session, folder, control, owned, engines, request, tally });
    });
  } catch (e) {
    if (!(e instanceof QuarrelError)) throw e;
    tally.addFailure(e.message);
  }
  return tally.result({ file, tokens: request.tokens, seconds: (performance.now() - begin) / 1000 });
}

interface ModelCheck {
  readonly session: CaptureSession;
  readonly folder: RunFolder;
  readonly control: JobControl;
  readonly owned: Owned;
  readonly engines: Engines;
  readonly request: ConformanceRequest;
  readonly tally: ConformanceTally;
}

async function checkSteps(check: ModelCheck): Promise<void> {
  const { session, request, tally } = check;
  const weights = new WeightView(session.model, PLAIN_ACCESS);
  const reference = new ReferenceEnds(weights, check.control);
  const webgpu = request.lanes.includes('webgpu') ? await openWebGpu(check) : undefined;
  const judge = new StepJudge({ ...check, weights }, (step) => {
    const { captured } = step;
    const local = webgpu?.locals[step.index];
    return { ...whole(local ?? captured), seed: captured, ...(local ? { golden: captured } : {}) };
  });
  for (let step: CapturedStep | undefined = session.first; step;) {
    const { exact, ggml } = await reference.next(step);
    const free = (await webgpu?.free.next(step))?.trace;
    webgpu?.locals.push((await webgpu.local.next(step)).trace);
    const end = lastNode(step.graph, step.captured);
    tally.addStep({
      step: step.index,
      tokens: step.tokens,
      nmse: {
        reference: request.lanes.includes('reference') ? distance(end, exact) : null,
        webgpu: distance(end, free && lastNode(step.graph, free)),
      },
      rounding: distance(exact, ggml),
    });
    tally.addNodes(webgpu ? 'webgpu' : 'reference', step.index, await judge.at(step.index));
    const token = tokenOfStep(request.plan, step.index + 1, step.next);
    step = token === undefined ? undefined : await session.advance([token]);
  }
}

interface WebGpuRuns {
  readonly free: OwnStepLane;
  /** Node by node on llama.cpp's values. */
  readonly local: OwnStepLane;
  readonly locals: TraceSource[];
}

async function openWebGpu(check: ModelCheck): Promise<WebGpuRuns> {
  const { owned, engines } = check;
  const lane = owned.add(await openOwnLane({ kind: 'webgpu' }, engines));
  const free = owned.add(new OwnStepLane(lane, { ...check, name: 'webgpu-free' }));
  const seed = (step: CapturedStep): TraceSource => step.captured;
  const local = owned.add(new OwnStepLane(lane, { ...check, name: 'webgpu-local' }, { seed }));
  return { free, local, locals: [] };
}

/** The reference's free run, exact and in llama.cpp's own arithmetic beside it; only the last node is kept. */
class ReferenceEnds {
  private readonly states = new StateMemories();

  constructor(
    private readonly weights: WeightView,
    private readonly control: JobControl,
  ) {}

  async next({ graph, captured }: CapturedStep): Promise<{ exact?: Float32Array; ggml?: Float32Array }> {
    const { weights, control, states } = this;
    const end = logitsNode(graph);
    const ends: { exact?: Float32Array; ggml?: Float32Array } = {};
    await runReference(
      { graph, weights, captured, control, states, mode: { kind: 'free' } },
      {
        arithmetics: ['exact', 'ggml'],
        onNode: ({ tensor, results }) => {
          if (tensor.id === end?.id) Object.assign(ends, results);
        },
      },
    );
    return ends;
  }
}

function lastNode(graph: Graph, trace: TraceSource): Float32Array | undefined {
  const node = logitsNode(graph);
  return node && trace.entries.has(node.key) ? trace.readF32(node.key) : undefined;
}

/** NMSE; null where one of the two is missing. */
function distance(from: Float32Array | undefined, to: Float32Array | undefined): number | null {
  return from && to ? nmseOf(from, to) : null;
}
