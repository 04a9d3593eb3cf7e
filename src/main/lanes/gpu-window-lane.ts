import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { GraphLane, LaneSequence, RunRequest } from '../../shared/divergence/lane';
import type { WeightSource } from '../../shared/gguf/model-source';
import type { Graph } from '../../shared/graph/graph';
import type { GpuWindowPart } from '../../shared/ipc/gpu-window';
import type { Checkpoints } from '../../shared/ops/run-memory';
import { neOfShape } from '../../shared/trace/safetensors';
import type { TraceSink } from '../../shared/trace/trace';
import { ModelFile } from '../files/model-file';
import { temporaryFolder } from '../files/temporary';
import type { WeightAccess } from '../files/weight-view';
import { PLAIN_ACCESS, WeightView } from '../files/weight-view';
import { TraceFile } from '../traces/trace-file';
import { TraceWriter } from '../traces/trace-writer';
import type { GpuWindowClient } from './gpu-window-client';

/** The `webgpu` lanes of the app: graphs run in the hidden GPU window, which leaves their traces on disk. */
export function gpuWindowLanes(client: GpuWindowClient): (overlayDir?: string) => Promise<GraphLane> {
  return async (overlayDir) => {
    const label = overlayDir === undefined ? 'webgpu' : `webgpu@${overlayDir}`;
    const { provenance } = await client.call('describe', { label, ...overlayOf(overlayDir) });
    return {
      label,
      provenance,
      begin: () => new GpuWindowSequence(client, label, overlayDir),
      // Device and pipelines belong to the window, which outlives its lanes.
      dispose: () => Promise.resolve(),
    };
  };
}

let sequences = 0;

/** One sequence of the window, by a number that this side gives. */
class GpuWindowSequence implements LaneSequence {
  private readonly id = ++sequences;
  /** Holds what the window may read again while the sequence lives. */
  private readonly folder = temporaryFolder();
  private runs = 0;

  constructor(
    private readonly client: GpuWindowClient,
    private readonly label: string,
    private readonly overlayDir: string | undefined,
  ) {}

  async run({ graph, weights, captured, mode, sink, control, part }: RunRequest): Promise<void> {
    const first = this.runs === 0;
    const file = (name: string): string => join(this.folder.path, `${this.runs}-${name}.safetensors`);
    const { modelPath, access } = openedBy(weights);
    assert(captured instanceof TraceFile, 'the GPU window reads the captured trace itself and needs its path');
    const outPath = file('out');
    const seedPath = mode.kind === 'free' ? undefined : onDisk(mode.seed, graph, file('seed'));
    await this.client.call(
      'run',
      {
        sequence: this.id,
        first,
        label: this.label,
        ...overlayOf(this.overlayDir),
        modelPath,
        precision: access.precision,
        capturedPath: captured.label,
        outPath,
        ...(seedPath === undefined ? {} : { seedPath }),
        ...(part ? { part: partOf(part, graph, file('values')) } : {}),
      },
      control,
    );
    copyTrace(outPath, sink);
    rmSync(outPath, { force: true });
    this.runs++;
  }

  async dispose(): Promise<void> {
    try {
      await this.client.call('endSequence', { sequence: this.id });
    } catch (e) {
      // A window that is gone has taken with it what the sequence held.
      if (!(e instanceof QuarrelError)) throw e;
    } finally {
      this.folder.remove();
    }
  }
}

function openedBy(weights: WeightSource): { readonly modelPath: string; readonly access: WeightAccess } {
  if (weights instanceof WeightView) return { modelPath: weights.file.path, access: weights.access };
  assert(weights instanceof ModelFile, 'the GPU window maps the model itself and needs its path');
  return { modelPath: weights.path, access: PLAIN_ACCESS };
}

function partOf(part: NonNullable<RunRequest['part']>, graph: Graph, path: string): GpuWindowPart {
  return {
    runs: [...part.runs],
    given: [...part.given],
    ...(part.values ? { valuesPath: onDisk(part.values, graph, path) } : {}),
  };
}

function overlayOf(overlayDir: string | undefined): { overlayDir?: string } {
  return overlayDir === undefined ? {} : { overlayDir };
}

/** The path of a trace; one that is only a view of a trace (an aligned dump) is written out first. */
function onDisk(trace: Checkpoints, graph: Graph, path: string): string {
  if (trace instanceof TraceFile) return trace.label;
  const writer = TraceWriter.create(path);
  try {
    for (const { key, ne } of graph.tensors) {
      // The view's values have the graph's shape, whatever the dump's own shape was.
      if (trace.entries.has(key)) writer.write(key, 'F32', ne, trace.readF32(key));
    }
    writer.finish({ engine: 'quarrel', model: trace.label, tokens: [] });
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
