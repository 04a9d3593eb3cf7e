import type { JobControl } from '../../shared/base/progress';
import { staged } from '../../shared/base/control';
import { QuarrelError } from '../../shared/base/errors';
import type { LaneSpec } from '../../shared/divergence/lane-spec';
import type { Graph } from '../../shared/graph/graph';
import type { PromptSpec } from '../../shared/ipc/jobs';
import { captureTrace } from '../capture/capture';
import type { ModelFile } from '../files/model-file';
import { openModel } from '../files/model-file';
import { TraceFile } from '../traces/trace-file';
import type { RunFolder } from './run-folder';

export type LlamaLane = Extract<LaneSpec, { kind: 'llama' }>;

/** A model with llama.cpp's captured run of some tokens: what every other lane needs. Its owner disposes it. */
export interface CaptureSession {
  readonly model: ModelFile;
  readonly captured: TraceFile;
  readonly graph: Graph;
  readonly tokens: readonly number[];
  readonly pieces: readonly string[];
  dispose(): void;
}

export interface CaptureOptions {
  readonly modelPath: string;
  readonly prompt: PromptSpec;
  readonly lane: LlamaLane;
  readonly out: string;
  readonly control: JobControl;
  readonly threads?: number;
  readonly layers?: { readonly from: number; readonly to: number };
}

/** Runs llama.cpp once and keeps its trace at `out`. */
export async function captureLane(options: CaptureOptions): Promise<TraceFile> {
  const { modelPath, prompt, lane, out, control, threads, layers } = options;
  const result = await captureTrace(
    {
      modelPath,
      ...(prompt.kind === 'prompt' ? { prompt: prompt.text } : { tokens: prompt.tokens }),
      ...(lane.directory === undefined ? {} : { libraryDir: lane.directory }),
      ...(threads === undefined ? {} : { threads }),
      ...(layers === undefined ? {} : { layers }),
      device: lane.device,
      out,
    },
    staged(control, 'capture from llama.cpp'),
  );
  return TraceFile.open(result.tracePath);
}

export async function openCapture(
  options: Omit<CaptureOptions, 'out'> & { readonly folder: RunFolder },
): Promise<CaptureSession> {
  const model = openModel(options.modelPath);
  try {
    const captured = await captureLane({ ...options, out: options.folder.file('captured.safetensors') });
    const graph = captured.manifest?.graph;
    if (!graph) throw new QuarrelError(`${captured.label}: the capture holds no graph`);
    return {
      model,
      captured,
      graph,
      tokens: captured.tokens,
      pieces: captured.manifest.pieces ?? [],
      dispose: () => {
        captured.dispose();
        model.dispose();
      },
    };
  } catch (e) {
    model.dispose();
    throw e;
  }
}
