import koffi from 'koffi';

import { QuarrelError } from '../../shared/base/errors';
import type { Device } from '../../shared/divergence/lane-spec';
import type { LlamaOptions } from '../../shared/divergence/llama-options';
import { cacheTypeName } from '../../shared/divergence/llama-options';
import { GgmlType } from '../../shared/quant/ggml-type';
import type { LlamaLibrary } from './llama-library';
import { readFloats, registerEvalCallback } from './llama-library';
import type { LlamaModel } from './llama-model';

const FLASH_ATTENTION_OFF = 0; // LLAMA_FLASH_ATTN_TYPE_DISABLED
const FLASH_ATTENTION_ON = 1; // LLAMA_FLASH_ATTN_TYPE_ENABLED
const NO_TOKEN = -1; // LLAMA_TOKEN_NULL

export interface ContextOptions {
  /** Tokens of the longest evaluation. */
  readonly batchTokens: number;
  /** Tokens of all evaluations together. */
  readonly totalTokens: number;
  readonly threads: number;
  readonly device: Device;
  readonly options: LlamaOptions;
  /** Sees every node of every evaluation. */
  readonly onEval: (tensor: bigint, ask: boolean) => boolean;
}

/** What an evaluation leads to. */
export interface Evaluated {
  /** The last token's logits; undefined where the model has none. */
  readonly logits: Float32Array | undefined;
  /** The token that a decoder starts with, after an encoder has run. */
  readonly startToken: number | undefined;
  /** Whether another evaluation can follow on this one's state. */
  readonly canContinue: boolean;
}

/** One sequence of evaluations that share KV cache and recurrent state; the owner disposes it. */
export class LlamaContext {
  private readonly handle: bigint;
  private readonly hasMemory: boolean;
  private encoded = false;

  /** Throws QuarrelError; llama.cpp has then said why on stderr. */
  constructor(
    private readonly library: LlamaLibrary,
    private readonly model: LlamaModel,
    options: ContextOptions,
  ) {
    const { cacheTypeK, cacheTypeV, flashAttention } = options.options;
    const handle = library.llama_init_from_model(model.handle, {
      ...library.llama_context_default_params().value,
      n_ctx: options.totalTokens,
      n_batch: options.batchTokens,
      n_ubatch: options.batchTokens,
      n_threads: options.threads,
      n_threads_batch: options.threads,
      flash_attn_type: flashAttention ? FLASH_ATTENTION_ON : FLASH_ATTENTION_OFF,
      ...(cacheTypeK === undefined ? {} : { type_k: GgmlType[cacheTypeName(cacheTypeK)] }),
      ...(cacheTypeV === undefined ? {} : { type_v: GgmlType[cacheTypeName(cacheTypeV)] }),
      cb_eval: registerEvalCallback(options.onEval),
      offload_kqv: options.device !== 'cpu',
      op_offload: false,
    });
    if (handle === null) throw new QuarrelError(`llama.cpp cannot make a context for ${model.path}`);
    this.handle = handle;
    this.hasMemory = library.llama_get_memory(handle) !== null;
  }

  /**
   * Evaluates tokens as one graph after those before, every token's logits wanted. The first tokens of an
   * encoder-decoder go through its encoder, all others through llama_decode. Throws QuarrelError.
   */
  evaluate(tokens: readonly number[]): Evaluated {
    const { library, model } = this;
    const encode = !this.encoded && model.isEncoderDecoder;
    const status = this.run(tokens, encode);
    if (status !== 0) {
      throw new QuarrelError(`llama.cpp cannot evaluate ${tokens.length} tokens of ${model.path} (status ${status})`);
    }
    if (encode) {
      this.encoded = true;
      return { logits: undefined, startToken: this.startToken(), canContinue: true };
    }
    const logits = library.llama_get_logits_ith(this.handle, tokens.length - 1);
    return {
      logits: logits === null ? undefined : readFloats(logits, model.vocabulary.size),
      startToken: undefined,
      canContinue: this.hasMemory && logits !== null,
    };
  }

  /** The next evaluation begins a new sequence. */
  forget(): void {
    const memory = this.library.llama_get_memory(this.handle);
    if (memory !== null) this.library.llama_memory_clear(memory, true);
    this.encoded = false;
  }

  dispose(): void {
    this.library.llama_free(this.handle);
  }

  private run(tokens: readonly number[], encode: boolean): number {
    const { library } = this;
    const batch = library.llama_batch_init(tokens.length, 0, 1);
    try {
      koffi.encode(batch.token, koffi.array('int32_t', tokens.length), Int32Array.from(tokens));
      koffi.encode(batch.logits, koffi.array('int8_t', tokens.length), new Int8Array(tokens.length).fill(1));
      // Without positions and sequences llama.cpp numbers one sequence on from where it stands.
      const bare = { ...batch, n_tokens: tokens.length, pos: null, n_seq_id: null, seq_id: null };
      return encode ? library.llama_encode(this.handle, bare) : library.llama_decode(this.handle, bare);
    } finally {
      library.llama_batch_free(batch);
    }
  }

  private startToken(): number {
    const named = this.library.llama_model_decoder_start_token(this.model.handle);
    return named === NO_TOKEN ? this.model.vocabulary.bos : named;
  }
}
