import fs from 'node:fs';
import koffi from 'koffi';
import type { LibraryHandle } from 'koffi';

import { QuarrelError } from '../../shared/base/errors';
import { checkLayouts, checkVersion } from './layout-guards';
import type { LibraryFiles } from './library-files';
import type { Batch, ContextParams, ModelParams } from './struct-layouts';
import { BATCH, CONTEXT_PARAMS, GGML_INIT_PARAMS, GGUF_INIT_PARAMS, MODEL_PARAMS, withSpare } from './struct-layouts';

/** An address in the library's memory, null for NULL. */
export type Pointer = bigint | null;
type TypeSpec = Parameters<typeof koffi.sizeof>[0];

const EVAL_CALLBACK = koffi.proto('bool', ['void *', 'bool', 'void *']);

/** The functions of ggml-base that do not need a model: types, op names, quantization, GGUF headers. */
export interface GgmlBaseFunctions {
  ggml_version(): string;
  ggml_op_name(op: number): string;
  ggml_unary_op_name(op: number): string;
  ggml_glu_op_name(op: number): string;
  ggml_type_name(type: number): string | null;
  ggml_tensor_overhead(): number;
  ggml_init(params: { mem_size: number; mem_buffer: null; no_alloc: boolean }): Pointer;
  ggml_free(ctx: Pointer): void;
  ggml_new_tensor_2d(ctx: Pointer, type: number, ne0: number, ne1: number): bigint;
  ggml_view_2d(ctx: Pointer, a: bigint, ne0: number, ne1: number, nb1: number, offset: number): bigint;
  ggml_set_name(tensor: bigint, name: string): void;
  ggml_set_input(tensor: bigint): void;
  /** Quantizes `nrows` rows of f32; returns the bytes written. */
  ggml_quantize_chunk(
    type: number,
    src: Float32Array,
    dst: Uint8Array,
    start: number,
    nrows: number,
    perRow: number,
    imatrix: null,
  ): number;
  ggml_backend_tensor_get(tensor: bigint, dst: Uint8Array, offset: number, size: number): void;
  ggml_backend_buffer_get_usage(buffer: bigint): number;
  ggml_backend_buffer_name(buffer: bigint): string;
  ggml_backend_dev_name(device: Pointer): string;
  ggml_backend_dev_backend_reg(device: Pointer): bigint;
  ggml_backend_reg_name(reg: bigint): string;
  gguf_init_from_file(path: string, params: { no_alloc: boolean; ctx: null }): Pointer;
  gguf_free(ctx: Pointer): void;
  gguf_find_key(ctx: Pointer, key: string): number;
  gguf_get_val_u16(ctx: Pointer, id: number): number;
  gguf_get_n_tensors(ctx: Pointer): number;
  gguf_get_tensor_name(ctx: Pointer, id: number): string;
  gguf_get_tensor_type(ctx: Pointer, id: number): number;
  gguf_get_tensor_ne(ctx: Pointer, id: number): bigint;
}

/** The backend registry, which lives in libggml. */
export interface GgmlFunctions {
  ggml_backend_load_all_from_path(dir: string): void;
  /** Null where the library is no backend or not for this machine. */
  ggml_backend_load(file: string): Pointer;
  ggml_backend_dev_count(): number;
  ggml_backend_dev_get(index: number): bigint;
  ggml_backend_dev_by_type(type: number): Pointer;
}

export interface LlamaFunctions {
  llama_version(): string;
  llama_backend_init(): void;
  llama_print_system_info(): string;
  llama_model_default_params(): { value: ModelParams };
  llama_context_default_params(): { value: ContextParams };
  llama_model_load_from_file(path: string, params: ModelParams): Pointer;
  llama_model_free(model: Pointer): void;
  llama_init_from_model(model: Pointer, params: ContextParams): Pointer;
  llama_free(ctx: Pointer): void;
  llama_model_get_vocab(model: Pointer): bigint;
  llama_model_n_layer(model: Pointer): number;
  llama_model_n_head(model: Pointer): number;
  llama_model_has_encoder(model: Pointer): boolean;
  llama_model_has_decoder(model: Pointer): boolean;
  llama_model_decoder_start_token(model: Pointer): number;
  llama_get_memory(ctx: Pointer): Pointer;
  llama_memory_clear(memory: Pointer, data: boolean): void;
  llama_vocab_type(vocab: bigint): number;
  llama_vocab_n_tokens(vocab: bigint): number;
  llama_vocab_bos(vocab: bigint): number;
  llama_tokenize(
    vocab: bigint,
    text: Uint8Array,
    length: number,
    tokens: Int32Array,
    max: number,
    addSpecial: boolean,
    parseSpecial: boolean,
  ): number;
  llama_token_to_piece(
    vocab: bigint,
    token: number,
    buf: Uint8Array,
    n: number,
    lstrip: number,
    special: boolean,
  ): number;
  llama_batch_init(nTokens: number, embd: number, nSeqMax: number): Batch;
  llama_batch_free(batch: Batch): void;
  llama_decode(ctx: Pointer, batch: Batch): number;
  llama_encode(ctx: Pointer, batch: Batch): number;
  llama_get_logits_ith(ctx: Pointer, i: number): Pointer;
  llama_supports_mmap(): boolean;
}

type Signatures<T> = { readonly [Name in keyof T]: readonly [result: TypeSpec, args: readonly TypeSpec[]] };

const P = 'void *';

const GGML_BASE: Signatures<GgmlBaseFunctions> = {
  ggml_version: ['str', []],
  ggml_op_name: ['str', ['int']],
  ggml_unary_op_name: ['str', ['int']],
  ggml_glu_op_name: ['str', ['int']],
  ggml_type_name: ['str', ['int']],
  ggml_tensor_overhead: ['size_t', []],
  ggml_init: [P, [GGML_INIT_PARAMS]],
  ggml_free: ['void', [P]],
  ggml_new_tensor_2d: [P, [P, 'int', 'int64_t', 'int64_t']],
  ggml_view_2d: [P, [P, P, 'int64_t', 'int64_t', 'size_t', 'size_t']],
  ggml_set_name: ['void', [P, 'str']],
  ggml_set_input: ['void', [P]],
  ggml_quantize_chunk: ['size_t', ['int', P, P, 'int64_t', 'int64_t', 'int64_t', P]],
  ggml_backend_tensor_get: ['void', [P, P, 'size_t', 'size_t']],
  ggml_backend_buffer_get_usage: ['int', [P]],
  ggml_backend_buffer_name: ['str', [P]],
  ggml_backend_dev_name: ['str', [P]],
  ggml_backend_dev_backend_reg: [P, [P]],
  ggml_backend_reg_name: ['str', [P]],
  gguf_init_from_file: [P, ['str', GGUF_INIT_PARAMS]],
  gguf_free: ['void', [P]],
  gguf_find_key: ['int64_t', [P, 'str']],
  gguf_get_val_u16: ['uint16_t', [P, 'int64_t']],
  gguf_get_n_tensors: ['int64_t', [P]],
  gguf_get_tensor_name: ['str', [P, 'int64_t']],
  gguf_get_tensor_type: ['int', [P, 'int64_t']],
  gguf_get_tensor_ne: [P, [P, 'int64_t']],
};

const GGML: Signatures<GgmlFunctions> = {
  ggml_backend_load_all_from_path: ['void', ['str']],
  ggml_backend_load: [P, ['str']],
  ggml_backend_dev_count: ['size_t', []],
  ggml_backend_dev_get: [P, ['size_t']],
  ggml_backend_dev_by_type: [P, ['int']],
};

const LLAMA: Signatures<LlamaFunctions> = {
  llama_version: ['str', []],
  llama_backend_init: ['void', []],
  llama_print_system_info: ['str', []],
  llama_model_default_params: [withSpare(MODEL_PARAMS), []],
  llama_context_default_params: [withSpare(CONTEXT_PARAMS), []],
  llama_model_load_from_file: [P, ['str', MODEL_PARAMS]],
  llama_model_free: ['void', [P]],
  llama_init_from_model: [P, [P, CONTEXT_PARAMS]],
  llama_free: ['void', [P]],
  llama_model_get_vocab: [P, [P]],
  llama_model_n_layer: ['int32_t', [P]],
  llama_model_n_head: ['int32_t', [P]],
  llama_model_has_encoder: ['bool', [P]],
  llama_model_has_decoder: ['bool', [P]],
  llama_model_decoder_start_token: ['int32_t', [P]],
  llama_get_memory: [P, [P]],
  llama_memory_clear: ['void', [P, 'bool']],
  llama_vocab_type: ['int', [P]],
  llama_vocab_n_tokens: ['int32_t', [P]],
  llama_vocab_bos: ['int32_t', [P]],
  llama_tokenize: ['int32_t', [P, P, 'int32_t', P, 'int32_t', 'bool', 'bool']],
  llama_token_to_piece: ['int32_t', [P, 'int32_t', P, 'int32_t', 'int32_t', 'bool']],
  llama_batch_init: [BATCH, ['int32_t', 'int32_t', 'int32_t']],
  llama_batch_free: ['void', [BATCH]],
  llama_decode: ['int32_t', [P, BATCH]],
  llama_encode: ['int32_t', [P, BATCH]],
  llama_get_logits_ith: [P, [P, 'int32_t']],
  llama_supports_mmap: ['bool', []],
};

export type GgmlBase = GgmlBaseFunctions & { readonly file: string };
export type LlamaLibrary = GgmlBaseFunctions & GgmlFunctions & LlamaFunctions & { readonly files: LibraryFiles };

/** Loads ggml-base alone: decoders, quantizers and type tables, no model. Throws QuarrelError. */
export function loadGgmlBase(files: LibraryFiles): GgmlBase {
  return { ...bind(openLibrary(files.ggmlBase), GGML_BASE, files.ggmlBase), file: files.ggmlBase };
}

/**
 * Loads the three libraries, proves that the struct layouts hold, and registers the backends that lie beside them.
 * Throws QuarrelError when a library cannot be loaded, lacks a function, or is of a version with other layouts.
 */
export function loadLlama(files: LibraryFiles): LlamaLibrary {
  const base = bind(openLibrary(files.ggmlBase), GGML_BASE, files.ggmlBase);
  const ggml = bind(openLibrary(files.ggml), GGML, files.ggml);
  const handle = openLibrary(files.llama);
  checkVersion(handle, files.llama);
  const library = { ...base, ...ggml, ...bind(handle, LLAMA, files.llama), files };
  checkLayouts(library);
  return library;
}

/** Loads one shared library into the process. Throws QuarrelError. */
export function openLibrary(file: string): LibraryHandle {
  if (!fs.existsSync(file)) throw new QuarrelError(`cannot load ${file}: no such file`);
  try {
    // Global, and dependencies first: a build outside the system's search path then finds ggml by its name in memory.
    return koffi.load(file, { global: true });
  } catch (e) {
    throw new QuarrelError(`cannot load ${file}: ${(e as Error).message}`);
  }
}

/** Handles that live as long as this thread. */
const kept = new Map<string, LibraryHandle>();

/**
 * Loads libggml-base in this thread, for threads of its that load it too. When the last of them ends, the library would
 * be unloaded, and ggml aborts where it is loaded a second time (`GGML_ASSERT(prev != ggml_uncaught_exception)`).
 */
export function keepGgmlBase(files: LibraryFiles): void {
  if (!kept.has(files.ggmlBase)) kept.set(files.ggmlBase, openLibrary(files.ggmlBase));
}

function bind<T>(handle: LibraryHandle, signatures: Signatures<T>, file: string): T {
  const bound: Partial<Record<keyof T, unknown>> = {};
  for (const name of Object.keys(signatures) as (keyof T & string)[]) {
    const [result, args] = signatures[name];
    try {
      bound[name] = handle.func(name, result, [...args]);
    } catch {
      throw new QuarrelError(`${file} has no function ${name}: llama.cpp v0.4.0 is expected`);
    }
  }
  return bound as T;
}

/** Copies `count` floats from an address of this process. */
export function readFloats(address: bigint, count: number): Float32Array {
  return koffi.decode(address, koffi.array('float', count, 'Typed')) as Float32Array;
}

/** Registers a scheduler evaluation callback; it must not throw. The registration lives as long as the process. */
export function registerEvalCallback(callback: (tensor: bigint, ask: boolean) => boolean): bigint {
  return koffi.register((tensor: bigint, ask: boolean) => callback(tensor, ask), koffi.pointer(EVAL_CALLBACK));
}
