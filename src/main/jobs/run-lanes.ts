import type { JobControl } from '../../shared/base/progress';
import { QuarrelError } from '../../shared/base/errors';
import type { LaneCheckpoint, LaneSummary, NodeRow, RunSummary, TokenLogit } from '../../shared/compare/comparison';
import { kullbackLeibler, topLogits } from '../../shared/compare/logits';
import { compareTensors } from '../../shared/compare/metrics';
import { lastLogits, weightOf } from '../../shared/divergence/assemble-verdict';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import { parseLane } from '../../shared/divergence/lane-spec';
import type { GraphTensor } from '../../shared/graph/graph';
import { isComputing, layerOf, tensorOf } from '../../shared/graph/graph';
import type { RunLanesRequest } from '../../shared/ipc/jobs';
import { tensorStats } from '../../shared/trace/stats';
import type { TraceManifest, TraceSource } from '../../shared/trace/trace';
import { tokenPieces } from '../capture/token-pieces';
import type { CaptureSession } from './capture-session';
import { openCapture } from './capture-session';
import { Owned } from './owned';
import type { Engines } from './produce-trace';
import { isOwnLane, openDump, openOwnLane, runOwnLane } from './produce-trace';
import { RunFolder } from './run-folder';
import { yieldToEvents } from '../yield-to-events';

const TOP_TOKENS = 5;

/** A lane of a finished run: its trace in graph keys, or why it has none. */
export interface RunLane {
  readonly label: string;
  readonly trace: TraceSource | undefined;
  readonly mask: (key: string) => Uint8Array | undefined;
  readonly error?: string;
}

/** A run whose traces are kept on disk for the layer view. Its owner disposes it. */
export interface Run {
  readonly summary: RunSummary;
  readonly session: CaptureSession;
  readonly lanes: readonly RunLane[];
  dispose(): Promise<void>;
}

/** Runs the same tokens on several lanes and compares every node with lane 0, which must be a llama lane. */
export async function runLanes(
  runId: string,
  request: RunLanesRequest,
  engines: Engines,
  control: JobControl,
): Promise<Run> {
  const [first, ...others] = request.lanes.map(parseLane);
  if (first?.kind !== 'llama') throw new QuarrelError('the first lane is the reference: a llama lane is expected');
  const owned = new Owned();
  try {
    const folder = owned.add(new RunFolder());
    const { modelPath, prompt } = request;
    const session = owned.add(await openCapture({ modelPath, prompt, lane: first, folder, control }));
    const lanes: RunLane[] = [{ label: request.lanes[0]!, trace: session.captured, mask: () => undefined }];
    for (const [i, spec] of others.entries()) {
      const out = folder.file(`lane-${i + 1}.safetensors`);
      lanes.push(await runLane(request.lanes[i + 1]!, spec, { session, out, engines, control, owned }));
    }
    const summary = await summarise(runId, request.modelPath, session, lanes, control);
    return { summary, session, lanes, dispose: () => owned.dispose() };
  } catch (e) {
    await owned.dispose();
    throw e;
  }
}

interface LaneContext {
  readonly session: CaptureSession;
  readonly out: string;
  readonly engines: Engines;
  readonly control: JobControl;
  readonly owned: Owned;
}

/** One lane's failure is that lane's: the others are shown. Cancelling ends the whole run. */
async function runLane(label: string, spec: LaneSpec, c: LaneContext): Promise<RunLane> {
  try {
    if (!isOwnLane(spec)) {
      const { file, aligned } = await openDump(spec, c.session, c);
      c.owned.add(file);
      return { label, trace: aligned, mask: (key) => aligned.mask(key) };
    }
    const lane = await openOwnLane(spec, c.engines);
    try {
      const trace = c.owned.add(await runOwnLane(lane, c.session, { kind: 'free' }, c.out, c.control));
      return { label, trace, mask: () => undefined };
    } finally {
      await lane.dispose();
    }
  } catch (e) {
    if (!(e instanceof QuarrelError)) throw e;
    return { label, trace: undefined, mask: () => undefined, error: e.message };
  }
}

async function summarise(
  runId: string,
  model: string,
  session: CaptureSession,
  lanes: readonly RunLane[],
  control: JobControl,
): Promise<RunSummary> {
  const { graph } = session;
  const nodes: NodeRow[] = [];
  for (const [i, id] of graph.order.entries()) {
    control.throwIfCancelled();
    const node = tensorOf(graph, id);
    if (!isComputing(graph, node)) continue;
    nodes.push(nodeRow(session, node, lanes));
    control.progress({ stage: 'compare', done: i + 1, total: graph.order.length, detail: node.key });
    await yieldToEvents();
  }
  const logits = lanes.map((lane) => lane.trace && lastLogits(graph, lane.trace));
  const tops = logits.map((row) => (row ? topLogits(row, TOP_TOKENS) : []));
  const pieces = await tokenPieces(session.model.path, [...new Set(tops.flat().map((t) => t.token))]);
  return {
    runId,
    model,
    tokens: session.tokens,
    pieces: session.pieces,
    nodes,
    lanes: lanes.map((lane, i) =>
      laneSummary(
        lane,
        tops[i]!.map((t) => ({ ...t, text: pieces.get(t.token) })),
        i > 0 && logits[0] && logits[i] ? kullbackLeibler(logits[0], logits[i]) : undefined,
      ),
    ),
  };
}

function laneSummary(lane: RunLane, top: readonly TokenLogit[], kld: number | undefined): LaneSummary {
  const manifest = lane.trace?.manifest;
  return {
    label: lane.label,
    engine: lane.trace?.engine ?? '',
    provenance: manifest?.provenance ?? {},
    top,
    kld,
    microseconds: Object.values(manifest?.timings ?? {}).reduce((a, b) => a + b, 0),
    ...(lane.error === undefined ? {} : { error: lane.error }),
  };
}

/** One node on all lanes; each checkpoint is read from disk, compared and let go. */
export function nodeRow(session: CaptureSession, node: GraphTensor, lanes: readonly RunLane[]): NodeRow {
  const reference = lanes[0]?.trace?.entries.has(node.key) ? lanes[0].trace.readF32(node.key) : undefined;
  return {
    key: node.key,
    layer: layerOf(node.name),
    kind: node.kind,
    ne: node.ne,
    weight: weightOf(session.graph, node)?.name,
    lanes: lanes.map((lane, i) => checkpoint(lane, node, i === 0 ? undefined : reference)),
  };
}

function checkpoint(lane: RunLane, node: GraphTensor, reference: Float32Array | undefined): LaneCheckpoint {
  const { trace } = lane;
  if (!trace) return { status: 'not-measured', reason: lane.error ?? 'the lane did not run' };
  if (!trace.entries.has(node.key)) return { status: 'not-measured', reason: reasonIn(trace.manifest, node.key) };
  const values = trace.readF32(node.key);
  const microseconds = trace.manifest?.timings[node.key];
  return {
    status: 'measured',
    stats: tensorStats(values),
    ...(reference ? { metrics: compareTensors(reference, values, node.ne, lane.mask(node.key)) } : {}),
    ...(microseconds === undefined ? {} : { microseconds }),
  };
}

function reasonIn(manifest: TraceManifest | undefined, key: string): string {
  return manifest?.notMeasured.find((n) => n.node === key)?.reason ?? 'not in the trace';
}
