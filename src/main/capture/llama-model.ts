import koffi from 'koffi';

import { QuarrelError } from '../../shared/base/errors';
import type { Device } from '../../shared/divergence/lane-spec';
import type { LlamaLibrary, Pointer } from './llama-library';
import { readFloats, registerEvalCallback } from './llama-library';
import { Vocabulary } from './vocabulary';
import { withoutPrefetch } from './weight-paging';

/** Backend names by the word that a lane uses. */
const BACKENDS: Readonly<Record<Exclude<Device, 'cpu'>, RegExp>> = {
  metal: /^(metal|mtl)$/i,
  vulkan: /^vulkan$/i,
  cuda: /^(cuda|rocm|musa)$/i,
};

const SPLIT_NONE = 0; // LLAMA_SPLIT_MODE_NONE
const LOAD_MMAP = 1; // LLAMA_LOAD_MODE_MMAP
const FLASH_ATTENTION_OFF = 0; // LLAMA_FLASH_ATTN_TYPE_DISABLED
const ALL_LAYERS = -1;

/** Registers the backends that lie beside the library, unless the build has them linked in. Throws QuarrelError. */
export function loadBackends(library: LlamaLibrary): void {
  library.llama_backend_init();
  if (library.ggml_backend_dev_by_type(0) === null) library.ggml_backend_load_all_from_path(library.files.dir);
  if (library.ggml_backend_dev_by_type(0) === null) {
    throw new QuarrelError(
      `no CPU backend of llama.cpp in ${library.files.dir}: looked for libggml-cpu and its variants`,
    );
  }
}

/** A loaded model with its vocabulary; the owner disposes it. */
export class LlamaModel {
  readonly vocabulary: Vocabulary;
  readonly layers: number;

  private constructor(
    private readonly library: LlamaLibrary,
    private readonly handle: bigint,
    readonly path: string,
  ) {
    this.vocabulary = new Vocabulary(library, handle, path);
    this.layers = library.llama_model_n_layer(handle);
  }

  /** Loads only names and vocabulary, no weights. Throws QuarrelError. */
  static openVocabulary(library: LlamaLibrary, path: string): LlamaModel {
    const params = library.llama_model_default_params().value;
    return LlamaModel.loaded(library, path, library.llama_model_load_from_file(path, { ...params, vocab_only: true }));
  }

  /**
   * Maps the model. Weights stay as they are in the file (no repacking), so that the graph's leaves are the file's
   * tensors. Throws QuarrelError; llama.cpp has then said why on stderr.
   */
  static open(library: LlamaLibrary, path: string, device: Device): LlamaModel {
    const params = {
      ...library.llama_model_default_params().value,
      devices: deviceList(library, device),
      n_gpu_layers: device === 'cpu' ? 0 : ALL_LAYERS,
      split_mode: SPLIT_NONE,
      load_mode: LOAD_MMAP,
      check_tensors: false,
      use_extra_bufts: false,
    };
    const load = (): Pointer => library.llama_model_load_from_file(path, params);
    return LlamaModel.loaded(library, path, device === 'cpu' ? withoutPrefetch(library, load) : load());
  }

  private static loaded(library: LlamaLibrary, path: string, handle: Pointer): LlamaModel {
    if (handle === null) throw new QuarrelError(`llama.cpp cannot load ${path}`);
    return new LlamaModel(library, handle, path);
  }

  /**
   * Evaluates the tokens as one graph from an empty state, every token's logits wanted. `onEval` sees every node.
   * Returns the last token's logits, undefined where the model has none. Throws QuarrelError.
   */
  evaluate(
    tokens: readonly number[],
    threads: number,
    device: Device,
    onEval: (tensor: bigint, ask: boolean) => boolean,
  ): Float32Array | undefined {
    const { library } = this;
    const context = library.llama_init_from_model(this.handle, {
      ...library.llama_context_default_params().value,
      n_ctx: tokens.length,
      n_batch: tokens.length,
      n_ubatch: tokens.length,
      n_threads: threads,
      n_threads_batch: threads,
      flash_attn_type: FLASH_ATTENTION_OFF,
      cb_eval: registerEvalCallback(onEval),
      offload_kqv: device !== 'cpu',
      op_offload: false,
    });
    if (context === null) throw new QuarrelError(`llama.cpp cannot make a context for ${this.path}`);
    try {
      this.run(context, tokens);
      const logits = library.llama_get_logits_ith(context, tokens.length - 1);
      return logits === null ? undefined : readFloats(logits, this.vocabulary.size);
    } finally {
      library.llama_free(context);
    }
  }

  dispose(): void {
    this.library.llama_model_free(this.handle);
  }

  /** An encoder-decoder's prompt goes through its encoder; all else through llama_decode. */
  private run(context: bigint, tokens: readonly number[]): void {
    const { library } = this;
    const batch = library.llama_batch_init(tokens.length, 0, 1);
    try {
      koffi.encode(batch.token, koffi.array('int32_t', tokens.length), Int32Array.from(tokens));
      koffi.encode(batch.logits, koffi.array('int8_t', tokens.length), new Int8Array(tokens.length).fill(1));
      // Without positions and sequences llama.cpp numbers one sequence from 0.
      const bare = { ...batch, n_tokens: tokens.length, pos: null, n_seq_id: null, seq_id: null };
      const encode = library.llama_model_has_encoder(this.handle) && library.llama_model_has_decoder(this.handle);
      const status = encode ? library.llama_encode(context, bare) : library.llama_decode(context, bare);
      if (status !== 0) {
        throw new QuarrelError(`llama.cpp cannot evaluate ${tokens.length} tokens of ${this.path} (status ${status})`);
      }
    } finally {
      library.llama_batch_free(batch);
    }
  }
}

/** NULL-terminated list of the devices to use: none for the CPU. Throws QuarrelError that lists what there is. */
function deviceList(library: LlamaLibrary, device: Device): bigint {
  const list = koffi.alloc('void *', 2) as bigint; // lives as long as the process, which is short
  koffi.encode(list, koffi.array('void *', 2), [device === 'cpu' ? null : findDevice(library, device), null]);
  return list;
}

function findDevice(library: LlamaLibrary, device: Exclude<Device, 'cpu'>): bigint {
  const devices = Array.from({ length: library.ggml_backend_dev_count() }, (_, i) => library.ggml_backend_dev_get(i));
  const backend = (d: bigint): string => library.ggml_backend_reg_name(library.ggml_backend_dev_backend_reg(d));
  const found = devices.find((d) => BACKENDS[device].test(backend(d)));
  if (found === undefined) {
    const there = devices.map((d) => `${library.ggml_backend_dev_name(d)} (${backend(d)})`).join(', ');
    throw new QuarrelError(`no ${device} device in the llama.cpp of ${library.files.dir}: it has ${there}`);
  }
  return found;
}
