import type { JobControl } from '../../shared/base/progress';
import { QuarrelError } from '../../shared/base/errors';
import type { LaneCheckpoint, LaneSummary, NodeRow, RunSummary, TokenLogit } from '../../shared/compare/comparison';
import { kullbackLeibler, topLogits } from '../../shared/compare/logits';
import { compareTensors } from '../../shared/compare/metrics';
import { lastLogits, weightOf } from '../../shared/divergence/assemble-verdict';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { Graph, GraphTensor } from '../../shared/graph/graph';
import { isComputing, layerOf, tensorOf } from '../../shared/graph/graph';
import { computingProducers } from '../../shared/graph/producers';
import type { RunLanesRequest } from '../../shared/ipc/jobs';
import { tensorStats } from '../../shared/trace/stats';
import type { TraceManifest, TraceSource } from '../../shared/trace/trace';
import { tokenPieces } from '../capture/token-pieces';
import { dumpsOf, modelFilesOf } from '../files/run-inputs';
import { WatchedFiles } from '../files/watched-files';
import type { CapturedStep, CaptureSession } from './capture-session';
import { openCapture } from './capture-session';
import { Owned } from './owned';
import type { Engines } from './produce-trace';
import { isOwnLane, openOwnLane } from './produce-trace';
import { RunFolder } from './run-folder';
import type { FollowContext, StepLane } from './step-lanes';
import { followLlama, followTrace, OwnStepLane } from './step-lanes';
import { yieldToEvents } from '../yield-to-events';

const TOP_TOKENS = 5;

/** One step of a lane of a finished run: its trace in graph keys, or why it has none. */
export interface RunLane {
  readonly label: string;
  /** Whether it executes the graph itself, on captured values where it cannot compute a node. */
  readonly own: boolean;
  readonly trace: TraceSource | undefined;
  readonly mask: (key: string) => Uint8Array | undefined;
  readonly error?: string;
}

/** All lanes at one step. */
export interface RunStep {
  readonly step: CapturedStep;
  readonly lanes: readonly RunLane[];
}

/** A run whose traces are kept on disk for the layer view. Its owner disposes it. */
export interface Run {
  readonly runId: string;
  /** One per step, the prompt first. */
  readonly summaries: readonly RunSummary[];
  readonly steps: readonly RunStep[];
  dispose(): Promise<void>;
}

/**
 * Runs the same tokens on several lanes and compares every node with lane 0, which must be a llama lane. Decode steps go
 * along lane 0's own greedy choice.
 */
export async function runLanes(
  runId: string,
  request: RunLanesRequest,
  engines: Engines,
  control: JobControl,
): Promise<Run> {
  const [first, ...others] = request.lanes.map(parseLane);
  if (first?.kind !== 'llama') throw new QuarrelError('the first lane is the reference: a llama lane is expected');
  const { modelPath, prompt, lanes, steps: count = 0 } = request;
  const files = new WatchedFiles([...modelFilesOf(modelPath), ...lanes.flatMap(dumpsOf)]);
  const owned = new Owned();
  try {
    const folder = owned.add(new RunFolder());
    const session = owned.add(
      await openCapture({ modelPath, prompt, lane: first, folder, control, moreTokens: count }),
    );
    const context = { session, folder, control, engines, owned, moreTokens: count };
    const followers = others.map((spec, i) => new Follower(lanes[i + 1]!, spec, i + 1, context));
    for (const follower of followers) owned.add(follower);
    const steps: RunStep[] = [];
    for (let step: CapturedStep | undefined = session.first; step;) {
      const own: RunLane = { label: lanes[0]!, own: false, trace: step.captured, mask: () => undefined };
      const theirs: RunLane[] = [];
      for (const follower of followers) theirs.push(await follower.next(step));
      steps.push({ step, lanes: [own, ...theirs] });
      const token: number | undefined = steps.length <= count ? step.next : undefined;
      step = token === undefined ? undefined : await session.advance([token]);
    }
    // The run's traces may be kept for hours; the GPU window may be gone by then.
    for (const follower of followers) await follower.finish();
    const summaries: RunSummary[] = [];
    for (const step of steps) summaries.push(await summarise(runId, session, step, control));
    files.requireUnchanged();
    return { runId, summaries, steps, dispose: () => owned.dispose() };
  } catch (e) {
    await owned.dispose();
    throw e;
  }
}

interface LaneContext extends Omit<FollowContext, 'name'> {
  readonly engines: Engines;
  readonly owned: Owned;
  readonly moreTokens: number;
}

/** One lane's failure is that lane's, from its step on: the others are shown. Cancelling ends the whole run. */
class Follower {
  private lane: StepLane | undefined;
  private failure: string | undefined;

  constructor(
    private readonly label: string,
    private readonly spec: LaneSpec,
    private readonly index: number,
    private readonly context: LaneContext,
  ) {}

  async next(step: CapturedStep): Promise<RunLane> {
    const { label } = this;
    const own = isOwnLane(this.spec);
    if (this.failure === undefined) {
      try {
        this.lane ??= await this.open();
        const { trace, aligned } = await this.lane.next(step);
        return { label, own, trace, mask: (key) => aligned?.mask(key) };
      } catch (e) {
        if (!(e instanceof QuarrelError)) throw e;
        this.failure = e.message;
      }
    }
    return { label, own, trace: undefined, mask: () => undefined, error: this.failure };
  }

  async finish(): Promise<void> {
    await this.lane?.finish?.();
  }

  async dispose(): Promise<void> {
    await this.lane?.dispose();
  }

  private async open(): Promise<StepLane> {
    const { spec, context } = this;
    const follow = { ...context, name: `lane-${this.index}` };
    if (spec.kind === 'trace') return followTrace(spec.path, undefined);
    if (spec.kind === 'llama') return followLlama(spec, follow, context.moreTokens);
    if (spec.kind === 'cmd') throw new QuarrelError('a cmd: lane is run by the wizard only (bisect)');
    return new OwnStepLane(context.owned.add(await openOwnLane(spec, context.engines)), follow);
  }
}

async function summarise(
  runId: string,
  session: CaptureSession,
  { step, lanes }: RunStep,
  control: JobControl,
): Promise<RunSummary> {
  const { graph } = step;
  const producers = computingProducers(graph);
  const nodes: NodeRow[] = [];
  for (const [i, id] of graph.order.entries()) {
    control.throwIfCancelled();
    const node = tensorOf(graph, id);
    if (!isComputing(graph, node)) continue;
    nodes.push(nodeRow(graph, node, lanes, producers));
    control.progress({ stage: 'compare', done: i + 1, total: graph.order.length, detail: node.key });
    await yieldToEvents();
  }
  const logits = lanes.map((lane) => (lane.trace && step.hasLogits ? lastLogits(graph, lane.trace) : undefined));
  const tops = logits.map((row) => (row ? topLogits(row, TOP_TOKENS) : []));
  const pieces = await tokenPieces(session.model.path, [...new Set(tops.flat().map((t) => t.token))]);
  return {
    runId,
    step: step.index,
    model: session.model.path,
    tokens: step.tokens,
    pieces: step.pieces,
    nodes,
    lanes: lanes.map((lane, i) =>
      laneSummary(
        lane,
        tops[i]!.map((t) => ({ ...t, text: pieces.get(t.token) })),
        i > 0 && logits[0] && logits[i] ? kullbackLeibler(logits[0], logits[i]) : undefined,
        logits[i]?.filter(Number.isNaN).length ?? 0,
      ),
    ),
  };
}

function laneSummary(
  lane: RunLane,
  top: readonly TokenLogit[],
  kld: number | undefined,
  nanLogits: number,
): LaneSummary {
  const manifest = lane.trace?.manifest;
  return {
    label: lane.label,
    engine: lane.trace?.engine ?? '',
    provenance: manifest?.provenance ?? {},
    top,
    kld,
    nanLogits,
    microseconds: Object.values(manifest?.timings ?? {}).reduce((a, b) => a + b, 0),
    ...(lane.error === undefined ? {} : { error: lane.error }),
  };
}

/**
 * One node on all lanes; each checkpoint is read from disk, compared and let go.
 * @param producers of the graph; found out once per graph by who asks for many nodes
 */
export function nodeRow(
  graph: Graph,
  node: GraphTensor,
  lanes: readonly RunLane[],
  producers: ReturnType<typeof computingProducers> = computingProducers(graph),
): NodeRow {
  const sources = (producers.get(node.id) ?? []).map((id) => tensorOf(graph, id).key);
  const reference = lanes[0]?.trace?.entries.has(node.key) ? lanes[0].trace.readF32(node.key) : undefined;
  return {
    key: node.key,
    layer: layerOf(node.name),
    kind: node.kind,
    ne: node.ne,
    weight: weightOf(graph, node)?.name,
    lanes: lanes.map((lane, i) => checkpoint(lane, node, sources, i === 0 ? undefined : reference)),
  };
}

function checkpoint(
  lane: RunLane,
  node: GraphTensor,
  sources: readonly string[],
  reference: Float32Array | undefined,
): LaneCheckpoint {
  const { trace } = lane;
  if (!trace) return { status: 'not-measured', reason: lane.error ?? 'the lane did not run' };
  if (!trace.entries.has(node.key)) return { status: 'not-measured', reason: reasonIn(trace.manifest, node.key) };
  const values = trace.readF32(node.key);
  const microseconds = trace.manifest?.timings[node.key];
  const substituted = lane.own ? sources.filter((key) => !trace.entries.has(key)) : [];
  return {
    status: 'measured',
    stats: tensorStats(values),
    ...(reference ? { metrics: compareTensors(reference, values, node.ne, lane.mask(node.key)) } : {}),
    ...(microseconds === undefined ? {} : { microseconds }),
    ...(substituted.length === 0 ? {} : { substituted }),
  };
}

function reasonIn(manifest: TraceManifest | undefined, key: string): string {
  return manifest?.notMeasured.find((n) => n.node === key)?.reason ?? 'not in the trace';
}
