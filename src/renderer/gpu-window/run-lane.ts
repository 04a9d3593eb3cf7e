import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import { openSession, requestAdapter } from '../../shared/gpu/adapter';
import { WebGpuLane } from '../../shared/gpu/webgpu-lane';
import type { GpuHost } from '../../shared/ipc/gpu-host';
import type { GpuDescription, GpuWindowLane, GpuWindowRun } from '../../shared/ipc/gpu-window';
import { adapterLabel, webGpu } from './web-gpu';

/** Which adapter this lane runs on. Throws QuarrelError when there is none or the overlay folder is wrong. */
export async function describeLane(host: GpuHost, { overlayDir }: GpuWindowLane): Promise<GpuDescription> {
  host.shaders(overlayDir);
  return { provenance: await adapterLabel(await requestAdapter(webGpu())) };
}

/** Runs the captured graph on WebGPU and leaves the lane's trace at `outPath`; nothing is left there on failure. */
export async function runLane(host: GpuHost, request: GpuWindowRun, control: JobControl): Promise<void> {
  const { modelPath, capturedPath, seedPath, overlayDir, outPath, label } = request;
  const { provenance } = await describeLane(host, request);
  const lane = new WebGpuLane({
    open: async () => openSession(await requestAdapter(webGpu())),
    shaders: host.shaders(overlayDir),
    label,
    provenance,
  });
  const weights = host.openModel(modelPath);
  const captured = host.openTrace(capturedPath);
  const seed = seedPath === undefined ? undefined : host.openTrace(seedPath);
  const sink = host.createTrace(outPath);
  try {
    const graph = captured.manifest?.graph;
    if (!graph) throw new QuarrelError(`${capturedPath}: the capture holds no graph`);
    const mode = seed ? ({ kind: 'seeded', seed } as const) : ({ kind: 'free' } as const);
    await lane.run({ graph, weights, captured, mode, sink, control });
    sink.finish({ engine: label, model: modelPath, tokens: captured.tokens, provenance });
  } finally {
    await lane.dispose();
    sink.abort();
    seed?.dispose();
    captured.dispose();
    weights.dispose();
  }
}
