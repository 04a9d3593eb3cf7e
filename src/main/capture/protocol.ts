import type { Device } from '../../shared/divergence/lane-spec';
import type { LayerRange } from './graph-recorder';
import type { LibraryFiles } from './library-files';

/** What the parent writes to the child's stdin, as one JSON document. */
export type ChildRequest = CaptureOrder | TokenizeOrder;

export interface CaptureOrder {
  readonly kind: 'capture';
  readonly library: LibraryFiles;
  readonly modelPath: string;
  /** Exactly one of `prompt` and `tokens`. */
  readonly prompt?: string;
  readonly tokens?: readonly number[];
  readonly threads: number;
  readonly device: Device;
  readonly layers?: LayerRange;
  readonly out: string;
}

/** Questions to a model's vocabulary; its weights are not read. */
export interface TokenizeOrder {
  readonly kind: 'tokenize';
  readonly library: LibraryFiles;
  readonly modelPath: string;
  readonly text?: string;
  readonly ids?: readonly number[];
}

/** One token with its logit; `text` where the model has a vocabulary. */
export interface TokenLogit {
  readonly token: number;
  readonly text?: string;
  readonly logit: number;
}

export interface CaptureAnswer {
  readonly tokens: readonly number[];
  readonly pieces?: readonly string[];
  readonly vocabSize: number;
  /** The likeliest next tokens as llama_get_logits_ith gives them, best first; absent where the run was cut short. */
  readonly topLogits?: readonly TokenLogit[];
  /** False when the evaluation ended after the wanted layers. */
  readonly complete: boolean;
  /** Largest resident set of the process that ran llama.cpp, mapped weights in use included. */
  readonly peakMemoryBytes: number;
  readonly provenance: Readonly<Record<string, string>>;
}

export interface TokenizeAnswer {
  readonly vocabSize: number;
  readonly tokens: readonly number[];
  readonly pieces: readonly string[];
}

/** What the child writes to file descriptor 3, one JSON document per line. stderr stays llama.cpp's. */
export type ChildMessage =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly detail: string }
  | { readonly kind: 'captured'; readonly answer: CaptureAnswer }
  | { readonly kind: 'tokenized'; readonly answer: TokenizeAnswer }
  | { readonly kind: 'failed'; readonly message: string; readonly bug: boolean };

/** The child's end of the pipe that carries `ChildMessage`s. */
export const MESSAGE_FD = 3;
