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

/** What lives as long as a sequence: device, weights, and the traces, which a lost device makes it read again. */
interface OpenSequence {
  readonly lane: WebGpuLane;
  readonly runs: ReturnType<WebGpuLane['begin']>;
  readonly weights: WeightSource;
  readonly open: { dispose(): void | Promise<void> }[];
}

const sequences = new Map<number, OpenSequence>();

/** Runs a captured graph on WebGPU and leaves the lane's trace at `outPath`; nothing is left there on failure. */
export async function runLane(host: GpuHost, request: GpuWindowRun, control: JobControl): Promise<void> {
  const sequence = sequences.get(request.sequence) ?? (await openSequence(host, request));
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
  const { provenance } = await describeLane(host, request);
  const lane = new WebGpuLane({
    open: async () => openSession(await requestAdapter(webGpu())),
    shaders: host.shaders(request.overlayDir),
    label: request.label,
    provenance,
  });
  const model = host.openModel(request.modelPath);
  const runs = lane.begin();
  const weights = ablatedWeights(model, request.precision);
  const sequence = { lane, runs, weights, open: [model, lane, runs] };
  sequences.set(request.sequence, sequence);
  return sequence;
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
