import type { JobControl } from '../../shared/base/progress';
import { staged } from '../../shared/base/control';
import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import type { LlamaLane } from '../../shared/divergence/lane-spec';
import type { Graph } from '../../shared/graph/graph';
import type { PromptSpec } from '../../shared/ipc/jobs';
import type { CaptureRun, CaptureResult } from '../capture/capture';
import { openCaptureRun } from '../capture/capture';
import type { ModelFile } from '../files/model-file';
import { openModel } from '../files/model-file';
import { TraceFile } from '../traces/trace-file';
import type { RunFolder } from './run-folder';

export type { LlamaLane };

/** One evaluation of llama.cpp: the prompt, or a decode step on the state that those before it left. */
export interface CapturedStep {
  /** 0 is the prompt. */
  readonly index: number;
  readonly tokens: readonly number[];
  readonly captured: TraceFile;
  readonly graph: Graph;
  readonly pieces: readonly string[];
  /** llama.cpp's own next token, or the decoder's first; undefined where no step can follow. */
  readonly next: number | undefined;
  /** Whether the last node holds logits: not so in encoders. */
  readonly hasLogits: boolean;
}

/** A model with llama.cpp's captured run of some tokens: what every other lane needs. Its owner disposes it. */
export interface CaptureSession {
  readonly model: ModelFile;
  /** At least the prompt's. */
  readonly steps: readonly CapturedStep[];
  readonly first: CapturedStep;
  /** Evaluates `tokens` next. Throws QuarrelError where no step can follow or none was planned. */
  advance(tokens: readonly number[]): Promise<CapturedStep>;
  dispose(): void;
}

export interface CaptureOptions {
  readonly modelPath: string;
  readonly prompt: PromptSpec;
  readonly lane: LlamaLane;
  readonly folder: RunFolder;
  readonly control: JobControl;
  readonly threads?: number;
  /** Attention as one fused op; as the lane says by default. */
  readonly flashAttention?: boolean;
  readonly layers?: { readonly from: number; readonly to: number };
  /** Tokens of the decode steps that may follow; 0 when absent. */
  readonly moreTokens?: number;
}

/** Runs llama.cpp on the prompt; its traces lie in the folder, under names that begin with `name`. */
export async function openCapture(options: CaptureOptions, name = 'captured'): Promise<CaptureSession> {
  const model = openModel(options.modelPath);
  try {
    const out = (index: number): string => options.folder.file(`${name}-${index}.safetensors`);
    const run = await startCapture(options, out(0));
    try {
      return new Session(model, run, out, options.moreTokens ?? 0);
    } catch (e) {
      run.dispose();
      throw e;
    }
  } catch (e) {
    model.dispose();
    throw e;
  }
}

function startCapture(options: CaptureOptions, out: string): Promise<CaptureRun> {
  const { modelPath, prompt, lane, control, threads, layers, flashAttention, moreTokens = 0 } = options;
  return openCaptureRun(
    {
      modelPath,
      ...(prompt.kind === 'prompt' ? { prompt: prompt.text } : { tokens: prompt.tokens }),
      ...(lane.directory === undefined ? {} : { libraryDir: lane.directory }),
      ...(threads === undefined ? {} : { threads }),
      ...(layers === undefined ? {} : { layers }),
      options: { ...lane.options, ...(flashAttention === undefined ? {} : { flashAttention }) },
      device: lane.device,
      out,
      moreTokens,
    },
    staged(control, 'capture from llama.cpp'),
  );
}

class Session implements CaptureSession {
  readonly steps: CapturedStep[] = [];

  constructor(
    readonly model: ModelFile,
    private readonly run: CaptureRun,
    private readonly out: (index: number) => string,
    /** Tokens that may still follow. */
    private left: number,
  ) {
    this.add(run.first);
    if (!run.first.canContinue) this.left = 0;
    this.endIfDone();
  }

  get first(): CapturedStep {
    const [first] = this.steps;
    assert(first, 'a session without its prompt');
    return first;
  }

  async advance(tokens: readonly number[]): Promise<CapturedStep> {
    if (!this.run.first.canContinue) {
      throw new QuarrelError(`${this.model.label} takes no decode steps: llama.cpp keeps no state for it`);
    }
    const step = this.add(await this.run.step(tokens, this.out(this.steps.length)));
    this.left -= tokens.length;
    this.endIfDone();
    return step;
  }

  dispose(): void {
    this.run.dispose();
    for (const { captured } of this.steps) captured.dispose();
    this.model.dispose();
  }

  /** llama.cpp holds a whole model: it goes before other lanes run, not with the traces, which may be kept for hours. */
  private endIfDone(): void {
    if (this.left <= 0) this.run.dispose();
  }

  private add(result: CaptureResult): CapturedStep {
    const captured = TraceFile.open(result.tracePath);
    const { tokens, graph, pieces = [], next, topLogits } = result;
    const hasLogits = topLogits !== undefined;
    const step = { index: this.steps.length, tokens, captured, graph, pieces, next, hasLogits };
    this.steps.push(step);
    return step;
  }
}
