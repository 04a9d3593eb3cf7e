/**
 * Every C struct that the capture reads or passes, as llama.cpp v0.4.0 lays it out, in one place. `guards.ts` proves
 * them against the loaded library before anything relies on them. Sources: include/llama.h, ggml/include/ggml.h,
 * ggml/include/gguf.h, ggml/src/ggml-backend-impl.h.
 */
import koffi from 'koffi';

import type { Dims } from '../../shared/graph/graph';

export const MODEL_PARAMS = koffi.struct({
  devices: 'void *',
  tensor_buft_overrides: 'void *',
  n_gpu_layers: 'int32_t',
  split_mode: 'int32_t',
  load_mode: 'int32_t',
  lazy_mode: 'int32_t',
  main_gpu: 'int32_t',
  tensor_split: 'void *',
  progress_callback: 'void *',
  progress_callback_user_data: 'void *',
  kv_overrides: 'void *',
  vocab_only: 'bool',
  check_tensors: 'bool',
  use_extra_bufts: 'bool',
  no_host: 'bool',
  no_alloc: 'bool',
  load_mtp: 'bool',
});

export interface ModelParams {
  devices: bigint | null;
  n_gpu_layers: number;
  split_mode: number;
  load_mode: number;
  vocab_only: boolean;
  check_tensors: boolean;
  use_extra_bufts: boolean;
}

export const CONTEXT_PARAMS = koffi.struct({
  n_ctx: 'uint32_t',
  n_batch: 'uint32_t',
  n_ubatch: 'uint32_t',
  n_seq_max: 'uint32_t',
  n_rs_seq: 'uint32_t',
  n_outputs_max: 'uint32_t',
  n_outputs_max_per_seq: 'uint32_t',
  n_threads: 'int32_t',
  n_threads_batch: 'int32_t',
  ctx_type: 'int32_t',
  rope_scaling_type: 'int32_t',
  pooling_type: 'int32_t',
  attention_type: 'int32_t',
  flash_attn_type: 'int32_t',
  rope_freq_base: 'float',
  rope_freq_scale: 'float',
  yarn_ext_factor: 'float',
  yarn_attn_factor: 'float',
  yarn_beta_fast: 'float',
  yarn_beta_slow: 'float',
  yarn_orig_ctx: 'uint32_t',
  defrag_thold: 'float',
  cb_eval: 'void *',
  cb_eval_user_data: 'void *',
  type_k: 'int32_t',
  type_v: 'int32_t',
  abort_callback: 'void *',
  abort_callback_data: 'void *',
  embeddings: 'bool',
  offload_kqv: 'bool',
  no_perf: 'bool',
  op_offload: 'bool',
  swa_full: 'bool',
  kv_unified: 'bool',
  samplers: 'void *',
  n_samplers: 'size_t',
  ctx_other: 'void *',
});

export interface ContextParams {
  n_ctx: number;
  n_batch: number;
  n_ubatch: number;
  n_threads: number;
  n_threads_batch: number;
  flash_attn_type: number;
  cb_eval: bigint | null;
  type_k: number;
  type_v: number;
  offload_kqv: boolean;
  op_offload: boolean;
}

export const BATCH = koffi.struct({
  n_tokens: 'int32_t',
  token: 'void *',
  embd: 'void *',
  pos: 'void *',
  n_seq_id: 'void *',
  seq_id: 'void *',
  logits: 'void *',
});

export interface Batch {
  n_tokens: number;
  token: bigint | null;
  embd: bigint | null;
  pos: bigint | null;
  n_seq_id: bigint | null;
  seq_id: bigint | null;
  logits: bigint | null;
}

export const GGML_INIT_PARAMS = koffi.struct({ mem_size: 'size_t', mem_buffer: 'void *', no_alloc: 'bool' });
export const GGUF_INIT_PARAMS = koffi.struct({ no_alloc: 'bool', ctx: 'void *' });

/** `struct ggml_backend_reg` with its `ggml_backend_reg_i`: five words; the version is an int. */
export const BACKEND_REG = {
  bytes: 48,
  apiVersion: 2,
  apiVersionOffset: 0,
  getNameOffset: 8,
  getProcAddressOffset: 32,
};

/** Returned structs get this much room more, so that a library whose struct is longer overwrites nothing. */
const SPARE_BYTES = 256;

export function withSpare(type: ReturnType<typeof koffi.struct>): ReturnType<typeof koffi.struct> {
  return koffi.struct({ value: type, spare: koffi.array('uint8_t', SPARE_BYTES, 'Typed') });
}

/** `struct ggml_tensor`, byte offsets on 64-bit platforms. */
export const TENSOR = {
  bytes: 336,
  type: 0,
  buffer: 8,
  ne: 16,
  nb: 48,
  op: 80,
  opParams: 84,
  opParamCount: 16,
  flags: 148,
  src: 152,
  srcCount: 10,
  viewSrc: 232,
  viewOffs: 240,
  data: 248,
  name: 256,
  nameBytes: 64,
} as const;

/** `enum ggml_tensor_flag`. */
export const TENSOR_FLAG = { input: 1, output: 2, compute: 16 } as const;

/** `enum ggml_backend_buffer_usage`. */
export const BUFFER_USAGE = { any: 0, weights: 1, compute: 2 } as const;

/** The fields of a `ggml_tensor`; addresses as BigInt, 0n for NULL. */
export interface RawTensor {
  readonly type: number;
  readonly buffer: bigint;
  readonly ne: Dims;
  /** Strides in bytes. */
  readonly nb: Dims;
  readonly op: number;
  readonly opParams: readonly number[];
  readonly flags: number;
  /** Up to the last source that is set. */
  readonly src: readonly bigint[];
  readonly viewSrc: bigint;
  readonly viewOffs: number;
  readonly data: bigint;
  readonly name: string;
}

const TENSOR_BYTES = koffi.array('uint8_t', TENSOR.bytes, 'Typed');
const text = new TextDecoder();

/** Reads the `ggml_tensor` at an address of this process. */
export function readTensor(address: bigint): RawTensor {
  const bytes = koffi.decode(address, TENSOR_BYTES) as Uint8Array;
  const view = new DataView(bytes.buffer, bytes.byteOffset, TENSOR.bytes);
  const word = (offset: number): bigint => view.getBigUint64(offset, true);
  const dims = (offset: number): Dims => [0, 8, 16, 24].map((i) => Number(word(offset + i))) as unknown as Dims;
  const sources = Array.from({ length: TENSOR.srcCount }, (_, i) => word(TENSOR.src + 8 * i));
  // `ggml_cast` names its own result as source 1; a graph has no loops
  const src = sources.map((s) => (s === address ? 0n : s));
  while (src.length > 0 && src[src.length - 1] === 0n) src.pop();
  const name = bytes.subarray(TENSOR.name, TENSOR.name + TENSOR.nameBytes);
  const end = name.indexOf(0);
  return {
    type: view.getInt32(TENSOR.type, true),
    buffer: word(TENSOR.buffer),
    ne: dims(TENSOR.ne),
    nb: dims(TENSOR.nb),
    op: view.getInt32(TENSOR.op, true),
    opParams: Array.from({ length: TENSOR.opParamCount }, (_, i) => view.getInt32(TENSOR.opParams + 4 * i, true)),
    flags: view.getInt32(TENSOR.flags, true),
    src,
    viewSrc: word(TENSOR.viewSrc),
    viewOffs: Number(word(TENSOR.viewOffs)),
    data: word(TENSOR.data),
    name: text.decode(end < 0 ? name : name.subarray(0, end)),
  };
}
