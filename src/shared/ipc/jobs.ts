import type { BlockInspection } from '../compare/block-lanes';
import type { NodeDetail, RunSummary } from '../compare/comparison';
import type { Observation } from '../divergence/checks';
import type { Verdict } from '../divergence/verdict';
import type { InspectReport } from '../gguf/inspect-report';
import type { Progress } from '../base/progress';

/** Tokens as text (the model's own tokenizer) or as ids. */
export type PromptSpec =
  { readonly kind: 'prompt'; readonly text: string } | { readonly kind: 'tokens'; readonly tokens: readonly number[] };

export interface RunLanesRequest {
  readonly modelPath: string;
  readonly prompt: PromptSpec;
  /** LANE strings of design.md §6; the first is the reference (llama). */
  readonly lanes: readonly string[];
  /** Decode steps after the prompt, along lane 0's greedy choice; none when absent. */
  readonly steps?: number;
}

/** Seconds for the looks at the weights and, apart, for the search for causes; or no limit. */
export type AskedBudget = number | 'none';

export interface FindFirstBadRequest {
  readonly modelPath: string;
  readonly prompt: PromptSpec;
  /** LANE strings of design.md §6. */
  readonly reference: string;
  readonly candidate: string;
  readonly expect?: string;
  readonly minLogit?: number;
  /** Decode steps after the prompt; none when absent. */
  readonly steps?: number;
  /** Further runs of the candidate that ought to give the same; none when absent. */
  readonly observe?: readonly Observation['id'][];
  /** Rounding counts as a difference. */
  readonly strict?: boolean;
  /**
   * Whether bad nodes are followed to the answer, each alone: true, whatever it takes; false, never; as far as that is
   * cheap when absent.
   */
  readonly effect?: boolean;
  /** A limit counted in work when absent: the same input then gets the same answer on every machine. */
  readonly budget?: AskedBudget;
}

export interface InspectBlockRequest {
  readonly modelPath: string;
  readonly tensor: string;
  /** Of the block within the tensor. */
  readonly index: number;
  /** Folder whose shaders replace the project's in the WGSL lane. */
  readonly overlay?: string;
}

/** A form in which a verdict leaves the app: a folder (`repro`) or a file. */
export type VerdictExport = 'repro' | 'json' | 'markdown' | 'html' | 'perfetto';

export interface ExportVerdictRequest {
  readonly kind: VerdictExport;
  /** File to be written; for a repro the folder, which must not exist yet or be empty. */
  readonly path: string;
}

/** How much of a tensor is saved: one block, the row that the block lies in, all of it. */
export type WeightsPart = 'block' | 'row' | 'tensor';

export interface SaveWeightsRequest {
  readonly modelPath: string;
  readonly tensor: string;
  /** A block of the tensor; it picks the block or the row. */
  readonly index: number;
  readonly part: WeightsPart;
  /** The name's end picks the format: `.npy` and `.safetensors` hold f32 values, `.bin` the encoded bytes. */
  readonly path: string;
}

export interface SavedWeights {
  readonly path: string;
  /** Of the file. */
  readonly bytes: number;
  /** Outermost dimension first; null for encoded bytes. */
  readonly shape: readonly number[] | null;
}

/**
 * The app's long work, run in the job worker thread (and by the CLI in its own process): one request, one answer,
 * progress meanwhile, cancellable. Tensors stay on disk; answers are summaries and slices.
 */
export interface JobContract {
  /** Opens and validates a model file. */
  inspect(request: { modelPath: string }): InspectReport;
  /**
   * Runs the same tokens on several lanes and compares each node with lane 0. One summary
   * per graph: the prompt's, then each decode step's. The traces live until `closeRun`.
   */
  runLanes(request: RunLanesRequest): readonly RunSummary[];
  /** One checkpoint in depth. */
  nodeDetail(request: { runId: string; step: number; key: string }): NodeDetail;
  /** The wizard. What it found is kept for `exportVerdict` until the next run or `closeVerdict`. */
  findFirstBad(request: FindFirstBadRequest): Verdict;
  /** Writes what the last `findFirstBad` found. */
  exportVerdict(request: ExportVerdictRequest): null;
  /** Deletes what is kept of it. */
  closeVerdict(request: Record<string, never>): null;
  /** One block, decoded by the scalar reference, WGSL and llama.cpp, compared bit by bit. */
  inspectBlock(request: InspectBlockRequest): BlockInspection;
  /** Writes a part of a tensor to a file. */
  saveWeights(request: SaveWeightsRequest): SavedWeights;
  /** Deletes a run's traces. */
  closeRun(request: { runId: string }): null;
}

export type JobName = keyof JobContract;
export type JobRequest<N extends JobName> = Parameters<JobContract[N]>[0];
export type JobAnswer<N extends JobName> = ReturnType<JobContract[N]>;

/** Caller → worker. */
export type JobMessage =
  | { readonly kind: 'start'; readonly id: number; readonly name: JobName; readonly request: unknown }
  | { readonly kind: 'cancel'; readonly id: number };

/** Worker → caller. */
export type JobEvent =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly kind: 'done'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string; readonly detail?: string }
  | { readonly kind: 'cancelled'; readonly id: number };
