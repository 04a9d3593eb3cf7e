import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import type { RunMode } from '../../shared/divergence/lane';
import { ablatedGraph, ablatedWeights } from '../../shared/gguf/ablated-weights';
import type { WeightSource } from '../../shared/gguf/model-source';
import { openSession, requestAdapter } from '../../shared/gpu/adapter';
import { WebGpuLane } from '../../shared/gpu/webgpu-lane';
import type { GpuHost } from '../../shared/ipc/gpu-host';
import type { GpuDescription, GpuWindowLane, GpuWindowRun } from '../../shared/ipc/gpu-window';
import type { PartialRun } from '../../shared/ops/executor';
import type { TraceSource } from '../../shared/trace/trace';
import { adapterLabel, webGpu } from './web-gpu';

/** Which adapter this lane runs on. Throws QuarrelError when there is none or the overlay folder is wrong. */
export async function describeLane(host: GpuHost, { overlayDir }: GpuWindowLane): Promise<GpuDescription> {
  host.shaders(overlayDir);
  return { provenance: await adapterLabel(await requestAdapter(webGpu())) };
}

/** A device with a model's weights, shared by the sequences of one lane: weights are never on it twice. */
interface OpenLane {
  readonly lane: WebGpuLane;
  readonly weights: WeightSource;
  readonly model: { dispose(): void };
  /** Sequences that use it. */
  users: number;
}

/** What lives as long as a sequence: its states, and the traces, which a lost device makes it read again. */
interface OpenSequence extends Pick<OpenLane, 'lane' | 'weights'> {
  readonly runs: ReturnType<WebGpuLane['begin']>;
  readonly open: { dispose(): void | Promise<void> }[];
}

/** By kernels, model file and precision. */
const lanes = new Map<string, Promise<OpenLane>>();
const sequences = new Map<number, OpenSequence>();

/** Runs a captured graph on WebGPU and leaves the lane's trace at `outPath`; nothing is left there on failure. */
export async function runLane(host: GpuHost, request: GpuWindowRun, control: JobControl): Promise<void> {
  const sequence = request.first ? await openSequence(host, request) : sequences.get(request.sequence);
  if (!sequence) throw new QuarrelError('the GPU window was opened anew: what the steps before left there is lost');
  const openTrace = (path: string): TraceSource => {
    const trace = host.openTrace(path);
    sequence.open.push(trace);
    return trace;
  };
  const { capturedPath, seedPath, part, outPath, modelPath, precision } = request;
  const captured = openTrace(capturedPath);
  const graph = captured.manifest?.graph;
  if (!graph) throw new QuarrelError(`${capturedPath}: the capture holds no graph`);
  const mode: RunMode = seedPath === undefined ? { kind: 'free' } : { kind: 'seeded', seed: openTrace(seedPath) };
  const sink = host.createTrace(outPath);
  try {
    await sequence.runs.run({
      graph: ablatedGraph(graph, precision),
      weights: sequence.weights,
      captured,
      mode,
      sink,
      control,
      ...(part ? { part: openPart(part, openTrace) } : {}),
    });
    const { label, provenance } = sequence.lane;
    sink.finish({ engine: label, model: modelPath, tokens: captured.tokens, provenance });
  } finally {
    sink.abort();
  }
}

export async function endSequence(id: number): Promise<void> {
  const sequence = sequences.get(id);
  sequences.delete(id);
  for (const open of sequence?.open.reverse() ?? []) await open.dispose();
}

async function openSequence(host: GpuHost, request: GpuWindowRun): Promise<OpenSequence> {
  // One of the same number is a leftover of a job worker that is gone.
  await endSequence(request.sequence);
  const key = JSON.stringify([request.overlayDir ?? null, request.modelPath, request.precision]);
  const opening = lanes.get(key) ?? openLane(host, request);
  lanes.set(key, opening);
  try {
    const shared = await opening;
    shared.users++;
    const { lane, weights } = shared;
    const runs = lane.begin();
    const sequence = { lane, weights, runs, open: [{ dispose: () => leaveLane(key, shared) }, runs] };
    sequences.set(request.sequence, sequence);
    return sequence;
  } catch (e) {
    lanes.delete(key);
    throw e;
  }
}

async function openLane(host: GpuHost, request: GpuWindowRun): Promise<OpenLane> {
  const { provenance } = await describeLane(host, request);
  const lane = new WebGpuLane({
    open: async () => openSession(await requestAdapter(webGpu())),
    shaders: host.shaders(request.overlayDir),
    label: request.label,
    provenance,
  });
  const model = host.openModel(request.modelPath);
  return { lane, model, weights: ablatedWeights(model, request.precision), users: 0 };
}

/** The last sequence closes the lane, so that the next run reads shaders and model anew. */
async function leaveLane(key: string, shared: OpenLane): Promise<void> {
  if (--shared.users > 0) return;
  lanes.delete(key);
  await shared.lane.dispose();
  shared.model.dispose();
}

function openPart(
  { runs, given, valuesPath }: NonNullable<GpuWindowRun['part']>,
  openTrace: (path: string) => TraceSource,
): PartialRun {
  return {
    runs: new Set(runs),
    given: new Set(given),
    ...(valuesPath === undefined ? {} : { values: openTrace(valuesPath) }),
  };
}
