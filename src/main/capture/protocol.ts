import type { Device } from '../../shared/divergence/lane-spec';
import type { LlamaOptions } from '../../shared/divergence/llama-options';
import type { LayerRange } from './layer-range';
import type { LibraryFiles } from './library-files';

/** What the child is told first. */
export type ChildRequest = CaptureOrder | TokenizeOrder | ContinueOrder;

/** The next evaluation on the state of those before. */
export interface StepOrder {
  readonly tokens: readonly number[];
  readonly out: string;
}

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
  readonly options?: LlamaOptions;
  readonly out: string;
  /** Tokens of the steps that may follow. */
  readonly moreTokens: number;
}

/** Questions to a model's vocabulary; its weights are not read. */
export interface TokenizeOrder {
  readonly kind: 'tokenize';
  readonly library: LibraryFiles;
  readonly modelPath: string;
  readonly text?: string;
  /** Whether BOS and EOS are added to the text as the model asks. */
  readonly addSpecial?: boolean;
  readonly ids?: readonly number[];
}

/** What the model says after each of many prompts, greedily; no trace is written. */
export interface ContinueOrder {
  readonly kind: 'continue';
  readonly library: LibraryFiles;
  readonly modelPath: string;
  readonly prompts: readonly string[];
  /** Tokens per prompt, at least 1. */
  readonly count: number;
  readonly threads: number;
}

/** What follows one prompt. */
export interface Continuation {
  /** Of the prompt, BOS and EOS added as the model asks. */
  readonly tokens: readonly number[];
  /** Greedy choices, each with its logit. */
  readonly next: readonly TokenLogit[];
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
  /**
   * The next token by greedy choice, or the one that a decoder starts with after its encoder; absent where no
   * evaluation can follow (encoders, diffusion models) or the run was cut short.
   */
  readonly next?: number;
  /** False when the evaluation ended after the wanted layers. */
  readonly complete: boolean;
  /** Whether another evaluation can follow on this one's state. */
  readonly canContinue: boolean;
  /** Largest resident set of the process that ran llama.cpp, mapped weights in use included. */
  readonly peakMemoryBytes: number;
  readonly provenance: Readonly<Record<string, string>>;
}

export interface TokenizeAnswer {
  readonly vocabSize: number;
  /** The token that texts begin with, and whether the tokenizer puts it there. */
  readonly bos: number;
  readonly addsBos: boolean;
  readonly tokens: readonly number[];
  readonly pieces: readonly string[];
}

/** What the child says. stderr is llama.cpp's. */
export type ChildMessage =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly detail: string }
  | { readonly kind: 'captured'; readonly answer: CaptureAnswer }
  | { readonly kind: 'tokenized'; readonly answer: TokenizeAnswer }
  | { readonly kind: 'continued'; readonly answer: readonly Continuation[] }
  | { readonly kind: 'failed'; readonly message: string; readonly bug: boolean };
