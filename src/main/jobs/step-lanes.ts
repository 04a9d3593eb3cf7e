/** Lanes that follow a session step by step, each on its own results. */
import { staged } from '../../shared/base/control';
import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import type { GraphLane, LaneSequence, RunMode } from '../../shared/divergence/lane';
import { ablatedGraph } from '../../shared/gguf/ablated-weights';
import { planPartOfRun } from '../../shared/graph/part';
import { AlignedTrace } from '../../shared/trace/alignment';
import type { NameMap } from '../../shared/trace/name-map';
import { foreignEntries, targetOf } from '../../shared/trace/name-map';
import { stepKey, stepView } from '../../shared/trace/steps';
import type { TraceSource } from '../../shared/trace/trace';
import type { UnplacedName } from '../../shared/divergence/verdict';
import type { WeightAccess } from '../files/weight-view';
import { PLAIN_ACCESS, WeightView } from '../files/weight-view';
import { TraceFile } from '../traces/trace-file';
import { TraceWriter } from '../traces/trace-writer';
import type { CapturedStep, CaptureSession, LlamaLane } from './capture-session';
import { openCapture } from './capture-session';
import type { InferredNames } from './infer-names';
import { inferNames } from './infer-names';
import type { SelectNodes } from './node-selection';
import { selectedNodes } from './node-selection';
import type { RunFolder } from './run-folder';
import { requireSameTokens } from './same-tokens';
import { unplacedNames } from './unplaced-names';

/** One step of a lane in graph keys. */
export interface LaneStep {
  readonly trace: TraceSource;
  /** How its rows lie over the graph's, for somebody else's results. */
  readonly aligned?: AlignedTrace;
  /** How its names were translated, where no map was given and they are not the graph's. */
  readonly inferred?: InferredNames;
  /** Whether a map says which node each checkpoint is. */
  readonly isMapped?: boolean;
  /** Names of the dump that stand for no node, and why. */
  readonly unplaced?: readonly UnplacedName[];
}

/** A lane that is asked for one step after another. Its owner disposes it. */
export interface StepLane {
  next(step: CapturedStep): Promise<LaneStep>;
  /** No step follows: gives back what runs need. The traces stay readable until `dispose`. */
  finish?(): Promise<void>;
  dispose(): Promise<void>;
}

export interface FollowContext {
  readonly session: CaptureSession;
  readonly folder: RunFolder;
  readonly control: JobControl;
  /** Names of the lane's files in the folder begin with it. */
  readonly name: string;
}

/** How an own lane runs its graphs. */
export interface OwnRun {
  /** What every node runs on; its own results when absent. */
  readonly seed?: (step: CapturedStep) => TraceSource;
  readonly access?: WeightAccess;
  /** The nodes that run; all when absent. */
  readonly select?: SelectNodes;
  /** What was asked of the run, for the provenance of its traces. */
  readonly choices?: Readonly<Record<string, string>>;
  /** Whether the traces hold the graphs that were run: for traces that are kept. */
  readonly keepGraph?: boolean;
}

/** A lane that executes the graphs itself. */
export class OwnStepLane implements StepLane {
  private readonly sequence: LaneSequence;
  private readonly weights: WeightView;
  private readonly files: TraceFile[] = [];
  private finished = false;

  constructor(
    private readonly lane: GraphLane,
    private readonly context: FollowContext,
    private readonly how: OwnRun = {},
  ) {
    this.sequence = lane.begin();
    this.weights = WeightView.of(context.session.model, how.access ?? PLAIN_ACCESS);
  }

  async next(step: CapturedStep): Promise<LaneStep & { readonly trace: TraceFile }> {
    const { folder, name, session } = this.context;
    const out = folder.file(`${name}-${step.index}.safetensors`);
    const sink = TraceWriter.create(out);
    try {
      await this.sequence.run({ ...this.request(step), sink });
      sink.finish({
        engine: this.lane.label,
        model: session.model.path,
        tokens: step.tokens,
        past: step.captured.manifest?.past ?? 0,
        provenance: { ...this.lane.provenance, ...this.how.choices },
        ...(this.how.keepGraph ? { graph: step.graph } : {}),
        ...(step.pieces.length > 0 ? { pieces: step.pieces } : {}),
      });
    } finally {
      sink.abort();
    }
    const trace = TraceFile.open(out);
    this.files.push(trace);
    return { trace };
  }

  async finish(): Promise<void> {
    if (this.finished) return;
    this.finished = true;
    await this.sequence.dispose();
  }

  async dispose(): Promise<void> {
    await this.finish();
    for (const file of this.files) file.dispose();
  }

  private request(step: CapturedStep): Omit<Parameters<LaneSequence['run']>[0], 'sink'> {
    const { seed, select } = this.how;
    const { control, session } = this.context;
    const mode: RunMode = seed ? { kind: 'seeded', seed: seed(step) } : { kind: 'free' };
    const what = mode.kind === 'free' ? 'free run' : 'node by node';
    const stage = step.index === 0 ? what : `${what}, step ${step.index}`;
    return {
      graph: ablatedGraph(step.graph, this.weights.access.precision),
      weights: this.weights,
      captured: step.captured,
      mode,
      control: staged(control, `${this.lane.label}, ${stage}`),
      ...(select ? { part: planPartOfRun(step.graph, selectedNodes(select, session, step)) } : {}),
    };
  }
}

/** Another run of llama.cpp: another device, another build. */
export async function followLlama(lane: LlamaLane, context: FollowContext, moreTokens: number): Promise<StepLane> {
  const { session, folder, control, name } = context;
  const { first, model } = session;
  const prompt = { kind: 'tokens', tokens: first.tokens } as const;
  const own = await openCapture({ modelPath: model.path, prompt, lane, folder, control, moreTokens }, name);
  return {
    next: async (step) => {
      const { captured } = step.index === 0 ? own.first : await own.advance(step.tokens);
      return alignedStep(captured, step, undefined);
    },
    dispose: async () => own.dispose(),
  };
}

/**
 * A finished trace; one of several steps gives each when its turn comes. Where no map is given, or one that is of other
 * checkpoints, and its names are not the graph's, they are inferred from the prompt's values, if there is a control for that.
 */
export function followTrace(path: string, map: NameMap | undefined, infer?: JobControl): StepLane {
  const file = TraceFile.open(path);
  let inferred: InferredNames | undefined;
  let known = map;
  return {
    next: async (step) => {
      const view = stepView(file, step.index, file.stepTokens[step.index - 1]);
      if (step.index > 0 && view.entries.size === 0) {
        const prefix = stepKey(step.index, '');
        throw new QuarrelError(`${file.label}: no checkpoint of step ${step.index}: their keys begin with ${prefix}`);
      }
      requireSameTokens(view, { label: 'this run', tokens: step.tokens }, ' (give --tokens)');
      if (step.index === 0 && infer && leavesMost(view, map)) {
        inferred = await inferredBeside(view, map, step, infer);
        known = map && inferred ? beside(view, map, inferred.map) : map;
      }
      return alignedStep(view, step, known, inferred);
    },
    dispose: async () => file.dispose(),
  };
}

/** Share of a dump's names that a map has to translate to be of that dump; else the others are inferred. */
const OF_THIS_DUMP = 0.5;

function leavesMost(view: TraceSource, map: NameMap | undefined): boolean {
  const names = [...view.entries.keys()];
  return !map || names.filter((name) => targetOf(name, map)).length < OF_THIS_DUMP * names.length;
}

/** Where a map was given, names that stay unknown are no error. */
async function inferredBeside(
  view: TraceSource,
  map: NameMap | undefined,
  step: CapturedStep,
  control: JobControl,
): Promise<InferredNames | undefined> {
  try {
    return await inferNames(view, step, control);
  } catch (e) {
    if (map && e instanceof QuarrelError) return undefined;
    throw e;
  }
}

/** The given map, and what was inferred of names that it leaves for nodes that it leaves. */
function beside(view: TraceSource, map: NameMap, inferred: NameMap): NameMap {
  const taken = new Set([...view.entries.keys()].map((name) => targetOf(name, map)?.node));
  const more = [...view.entries.keys()].flatMap((name) => {
    const target = targetOf(name, map) ? undefined : targetOf(name, inferred);
    return target && !taken.has(target.node) ? [[name, target] as const] : [];
  });
  return new Map([...map, ...more]);
}

/** Somebody else's results at a step, as the graph has them. Throws QuarrelError where they are of other tokens. */
export function alignedStep(
  trace: TraceSource,
  step: CapturedStep,
  map: NameMap | undefined,
  inferred?: InferredNames,
): LaneStep {
  requireSameTokens(trace, { label: 'this run', tokens: step.tokens }, ' (give --tokens)');
  const { graph } = step;
  const used = map ?? inferred?.map;
  const aligned = new AlignedTrace(trace, step.captured, graph, foreignEntries(trace, graph, used));
  return {
    ...{ trace: aligned, aligned, isMapped: used !== undefined },
    ...(inferred ? { inferred } : {}),
    unplaced: unplacedNames(aligned, graph, map, inferred),
  };
}
