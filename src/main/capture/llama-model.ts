import koffi from 'koffi';

import { QuarrelError } from '../../shared/base/errors';
import type { Device } from '../../shared/divergence/lane-spec';
import { cpuVariantFile, variantNames } from './cpu-variants';
import type { LlamaLibrary, Pointer } from './llama-library';
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
const ALL_LAYERS = -1;

/**
 * Registers the backends that lie beside the library, unless the build has them linked in.
 * @param variant the CPU backend alone, in this build of it; the best that the machine runs when absent
 * Throws QuarrelError.
 */
export function loadBackends(library: LlamaLibrary, variant?: string): void {
  library.llama_backend_init();
  if (variant !== undefined) return loadVariant(library, variant);
  if (library.ggml_backend_dev_by_type(0) === null) library.ggml_backend_load_all_from_path(library.files.dir);
  if (library.ggml_backend_dev_by_type(0) === null) {
    throw new QuarrelError(
      `no CPU backend of llama.cpp in ${library.files.dir}: looked for libggml-cpu and its variants`,
    );
  }
}

/** ggml itself asks the build whether the machine can run it (`ggml_backend_score` in ggml-backend-reg.cpp). */
function loadVariant(library: LlamaLibrary, variant: string): void {
  const { dir } = library.files;
  const known = `its variants: ${variantNames(dir).join(', ') || 'none'}`;
  if (library.ggml_backend_dev_by_type(0) !== null) {
    throw new QuarrelError(`variant=${variant}: the llama.cpp of ${dir} has its CPU backend linked in; ${known}`);
  }
  const file = cpuVariantFile(dir, variant);
  if (file === undefined) throw new QuarrelError(`no CPU variant ${variant} in ${dir}; ${known}`);
  if (library.ggml_backend_load(file) === null) {
    throw new QuarrelError(`this machine cannot run the CPU variant ${variant} of ${dir}; ${known}`);
  }
}

/** A loaded model with its vocabulary; the owner disposes it. */
export class LlamaModel {
  readonly vocabulary: Vocabulary;
  readonly layers: number;
  /** Whether its prompt goes through an encoder and its answer through a decoder. */
  readonly isEncoderDecoder: boolean;

  private constructor(
    private readonly library: LlamaLibrary,
    readonly handle: bigint,
    readonly path: string,
  ) {
    this.vocabulary = new Vocabulary(library, handle, path);
    this.layers = library.llama_model_n_layer(handle);
    this.isEncoderDecoder = library.llama_model_has_encoder(handle) && library.llama_model_has_decoder(handle);
  }

  /** Loads only names and vocabulary, no weights. Throws QuarrelError. */
  static openVocabulary(library: LlamaLibrary, path: string): LlamaModel {
    const params = library.llama_model_default_params().value;
    return LlamaModel.loaded(library, path, library.llama_model_load_from_file(path, { ...params, vocab_only: true }));
  }

  /**
   * Maps the model. Weights stay as they are in the file, so that the graph's leaves are the file's tensors; with
   * `repack` the CPU reorders those for which it has faster kernels. Throws QuarrelError; llama.cpp has then said why on stderr.
   */
  static open(library: LlamaLibrary, path: string, device: Device, repack = false): LlamaModel {
    const params = {
      ...library.llama_model_default_params().value,
      devices: deviceList(library, device),
      n_gpu_layers: device === 'cpu' ? 0 : ALL_LAYERS,
      split_mode: SPLIT_NONE,
      load_mode: LOAD_MMAP,
      check_tensors: false,
      use_extra_bufts: repack,
    };
    const load = (): Pointer => library.llama_model_load_from_file(path, params);
    return LlamaModel.loaded(library, path, device === 'cpu' ? withoutPrefetch(library, load) : load());
  }

  private static loaded(library: LlamaLibrary, path: string, handle: Pointer): LlamaModel {
    if (handle === null) throw new QuarrelError(`llama.cpp cannot load ${path}`);
    return new LlamaModel(library, handle, path);
  }

  /** Attention heads of the first layer; a vocabulary alone has no layers, and llama.cpp would abort. */
  get heads(): number {
    return this.layers > 0 ? this.library.llama_model_n_head(this.handle) : 0;
  }

  dispose(): void {
    this.library.llama_model_free(this.handle);
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
    const other = library.files.label === 'published' ? `; name a build that has one: llama:${device}@DIR` : '';
    throw new QuarrelError(`no ${device} device in the llama.cpp of ${library.files.dir}: it has ${there}${other}`);
  }
  return found;
}
