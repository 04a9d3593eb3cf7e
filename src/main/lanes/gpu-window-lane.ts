import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert } from '../../shared/base/assert';
import type { GraphLane, RunMode, RunRequest } from '../../shared/divergence/lane';
import type { Graph } from '../../shared/graph/graph';
import { neOfShape } from '../../shared/trace/safetensors';
import type { TraceSink } from '../../shared/trace/trace';
import { ModelFile } from '../files/model-file';
import { TraceFile } from '../traces/trace-file';
import { TraceWriter } from '../traces/trace-writer';
import type { GpuWindowClient } from './gpu-window-client';

/** The `webgpu` lanes of the app: the graph runs in the hidden GPU window, which leaves its trace on disk. */
export function gpuWindowLanes(client: GpuWindowClient): (overlayDir?: string) => Promise<GraphLane> {
  return async (overlayDir) => {
    const label = overlayDir === undefined ? 'webgpu' : `webgpu@${overlayDir}`;
    const { provenance } = await client.call('describe', { label, ...overlayOf(overlayDir) });
    return new GpuWindowLane(client, label, overlayDir, provenance);
  };
}

class GpuWindowLane implements GraphLane {
  constructor(
    private readonly client: GpuWindowClient,
    readonly label: string,
    private readonly overlayDir: string | undefined,
    readonly provenance: Readonly<Record<string, string>>,
  ) {}

  async run({ graph, weights, captured, mode, sink, control }: RunRequest): Promise<void> {
    assert(weights instanceof ModelFile, 'the GPU window maps the model itself and needs its path');
    assert(captured instanceof TraceFile, 'the GPU window reads the captured trace itself and needs its path');
    const folder = mkdtempSync(join(tmpdir(), 'quarrel-gpu-'));
    try {
      const outPath = join(folder, 'out.safetensors');
      const seedPath = seedOnDisk(mode, graph, join(folder, 'seed.safetensors'));
      const request = {
        label: this.label,
        ...overlayOf(this.overlayDir),
        modelPath: weights.path,
        capturedPath: captured.label,
        ...(seedPath === undefined ? {} : { seedPath }),
        outPath,
      };
      await this.client.call('run', request, control);
      copyTrace(outPath, sink);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async dispose(): Promise<void> {
    // Device and pipelines belong to the window, which outlives its lanes.
  }
}

function overlayOf(overlayDir: string | undefined): { overlayDir?: string } {
  return overlayDir === undefined ? {} : { overlayDir };
}

/** The seed's path; a seed that is only a view of a trace (an aligned dump) is written out first. */
function seedOnDisk(mode: RunMode, graph: Graph, path: string): string | undefined {
  if (mode.kind === 'free') return undefined;
  const { seed } = mode;
  if (seed instanceof TraceFile) return seed.label;
  const writer = TraceWriter.create(path);
  try {
    for (const { key, ne } of graph.tensors) {
      // The view's values have the graph's shape, whatever the dump's own shape was.
      if (seed.entries.has(key)) writer.write(key, 'F32', ne, seed.readF32(key));
    }
    writer.finish({ engine: seed.engine, model: seed.label, tokens: seed.tokens });
  } finally {
    writer.abort();
  }
  return path;
}

function copyTrace(path: string, sink: TraceSink): void {
  const trace = TraceFile.open(path);
  try {
    for (const { key, dtype, shape } of trace.entries.values()) {
      const ne = neOfShape(shape);
      assert(ne, `checkpoint ${key} has ${shape.length} dimensions`);
      sink.write(key, dtype, ne, trace.readRaw(key));
    }
    for (const [key, microseconds] of Object.entries(trace.manifest?.timings ?? {})) sink.time(key, microseconds);
    for (const entry of trace.manifest?.notMeasured ?? []) sink.notMeasured(entry);
  } finally {
    trace.dispose();
  }
}
