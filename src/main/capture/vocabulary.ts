import { QuarrelError } from '../../shared/base/errors';
import type { LlamaLibrary } from './llama-library';

const NO_VOCABULARY = 0; // LLAMA_VOCAB_TYPE_NONE
const PIECE_BYTES = 512;

/** A model's tokenizer, as llama.cpp runs it. */
export class Vocabulary {
  private readonly vocab: bigint;
  /** Number of token ids, known even where the model carries no vocabulary. */
  readonly size: number;
  /** Whether token ids have texts. */
  readonly hasText: boolean;

  constructor(
    private readonly library: LlamaLibrary,
    model: bigint,
    private readonly modelPath: string,
  ) {
    this.vocab = library.llama_model_get_vocab(model);
    this.size = library.llama_vocab_n_tokens(this.vocab);
    this.hasText = library.llama_vocab_type(this.vocab) !== NO_VOCABULARY;
  }

  /** The token that texts begin with; 0 where the model names none. */
  get bos(): number {
    return Math.max(0, this.library.llama_vocab_bos(this.vocab));
  }

  /** Whether texts get BOS put before them. */
  get addsBos(): boolean {
    return this.hasText && this.tokenize('', true)[0] === this.bos;
  }

  /**
   * Token ids of a prompt. Control tokens written out in it (`<|im_start|>`) count as such, as in llama.cpp's own
   * programs; `addSpecial` adds BOS and EOS as the model asks. Throws QuarrelError where the model has no vocabulary.
   */
  tokenize(text: string, addSpecial: boolean): readonly number[] {
    if (!this.hasText) {
      throw new QuarrelError(
        `${this.modelPath} has no vocabulary, so it takes no prompt: give token ids with --tokens`,
      );
    }
    const bytes = new TextEncoder().encode(text);
    // A token covers at least one byte; specials come on top.
    let ids = new Int32Array(bytes.length + 8);
    let count = this.fill(bytes, ids, addSpecial);
    if (count < 0) {
      ids = new Int32Array(-count);
      count = this.fill(bytes, ids, addSpecial);
    }
    return Array.from(ids.subarray(0, count));
  }

  /** Text of a token, control tokens spelled out; bytes that are no UTF-8 alone show as U+FFFD. */
  piece(token: number): string {
    let buffer = new Uint8Array(PIECE_BYTES);
    let length = this.library.llama_token_to_piece(this.vocab, token, buffer, buffer.length, 0, true);
    if (length < 0) {
      buffer = new Uint8Array(-length);
      length = this.library.llama_token_to_piece(this.vocab, token, buffer, buffer.length, 0, true);
    }
    return new TextDecoder().decode(buffer.subarray(0, length));
  }

  /** Throws QuarrelError that names the first id which is none of the vocabulary's. */
  check(tokens: readonly number[]): void {
    const at = tokens.findIndex((t) => !Number.isInteger(t) || t < 0 || t >= this.size);
    if (at >= 0) {
      throw new QuarrelError(
        `token ${tokens[at]} (number ${at + 1} of ${tokens.length}) is out of the vocabulary of ${this.modelPath}: ` +
          `ids are 0..${this.size - 1}`,
      );
    }
  }

  private fill(text: Uint8Array, ids: Int32Array, addSpecial: boolean): number {
    // koffi passes no pointer for an empty array, and llama_tokenize takes none.
    const source = text.length === 0 ? new Uint8Array(1) : text;
    return this.library.llama_tokenize(this.vocab, source, text.length, ids, ids.length, addSpecial, true);
  }
}
