import type { LibraryHandle } from 'koffi';

import { QuarrelError } from '../../shared/base/errors';
import { GGML_GLU_OPS, GGML_OPS, GGML_UNARY_OPS } from '../../shared/graph/ggml-op';
import { GgmlType } from '../../shared/quant/ggml-type';
import type { LlamaLibrary } from './llama-library';
import { readTensor, TENSOR, TENSOR_FLAG } from './struct-layouts';

/** The versions whose layouts `struct-layouts.ts` holds; builds say `0.4.0` or `0.4.0-dev`. */
const KNOWN_VERSION = /^0\.4\.\d+(-|$)/;

/** What `llama_model_default_params` returns in v0.4.0 (src/llama-model.cpp); pointers are NULL. */
const MODEL_DEFAULTS: Readonly<Record<string, unknown>> = {
  devices: null,
  tensor_buft_overrides: null,
  n_gpu_layers: -1,
  split_mode: 1,
  load_mode: -1,
  lazy_mode: 1,
  main_gpu: 0,
  tensor_split: null,
  progress_callback: null,
  progress_callback_user_data: null,
  kv_overrides: null,
  vocab_only: false,
  check_tensors: false,
  use_extra_bufts: true,
  no_host: false,
  no_alloc: false,
  load_mtp: false,
};

/** What `llama_context_default_params` returns in v0.4.0 (src/llama-context.cpp). */
const CONTEXT_DEFAULTS: Readonly<Record<string, unknown>> = {
  n_ctx: 512,
  n_batch: 2048,
  n_ubatch: 512,
  n_seq_max: 1,
  n_rs_seq: 0,
  n_outputs_max: 0,
  n_outputs_max_per_seq: 1,
  n_threads: 4,
  n_threads_batch: 4,
  ctx_type: 0,
  rope_scaling_type: -1,
  pooling_type: -1,
  attention_type: -1,
  flash_attn_type: -1,
  rope_freq_base: 0,
  rope_freq_scale: 0,
  yarn_ext_factor: -1,
  yarn_attn_factor: -1,
  yarn_beta_fast: -1,
  yarn_beta_slow: -1,
  yarn_orig_ctx: 0,
  defrag_thold: -1,
  cb_eval: null,
  cb_eval_user_data: null,
  type_k: GgmlType.F16,
  type_v: GgmlType.F16,
  abort_callback: null,
  abort_callback_data: null,
  embeddings: false,
  offload_kqv: true,
  no_perf: true,
  op_offload: true,
  swa_full: true,
  kv_unified: false,
  samplers: null,
  n_samplers: 0,
  ctx_other: null,
};

/** Refuses a library of another version before any struct crosses the border. Throws QuarrelError. */
export function checkVersion(handle: LibraryHandle, file: string): void {
  let version: string;
  try {
    version = handle.func('llama_version', 'str', [])() as string;
  } catch {
    throw new QuarrelError(
      `${file} has no llama_version(): it is older than llama.cpp v0.4.0, whose layouts are known`,
    );
  }
  if (!KNOWN_VERSION.test(version)) {
    throw new QuarrelError(
      `${file} is llama.cpp ${version}; the struct layouts of 0.4.x are known, others are refused`,
    );
  }
}

/** Proves the struct layouts against the loaded library. Throws QuarrelError that names the field. */
export function checkLayouts(library: LlamaLibrary): void {
  const { llama } = library.files;
  checkFields(library.llama_model_default_params().value, MODEL_DEFAULTS, `${llama}: llama_model_params`);
  checkFields(library.llama_context_default_params().value, CONTEXT_DEFAULTS, `${llama}: llama_context_params`);
  checkBatch(library);
  checkTensor(library);
  checkEnums(library);
}

function checkFields(got: object, expected: Readonly<Record<string, unknown>>, what: string): void {
  for (const [field, value] of Object.entries(expected)) {
    expect(`${what}.${field}`, (got as Record<string, unknown>)[field], value);
  }
}

function checkBatch(library: LlamaLibrary): void {
  const batch = library.llama_batch_init(1, 0, 1);
  const what = `${library.files.llama}: llama_batch`;
  expect(`${what}.n_tokens`, batch.n_tokens, 0);
  expect(`${what}.embd`, batch.embd, null);
  for (const field of ['token', 'pos', 'n_seq_id', 'seq_id', 'logits'] as const) {
    expect(`${what}.${field} is set`, batch[field] !== null, true);
  }
  library.llama_batch_free(batch);
}

/** Makes a named tensor and a view of it, and reads every field back that a fresh tensor defines. */
function checkTensor(library: LlamaLibrary): void {
  const what = `${library.files.ggmlBase}: ggml_tensor`;
  const ctx = library.ggml_init({ mem_size: 8 * library.ggml_tensor_overhead(), mem_buffer: null, no_alloc: true });
  const address = library.ggml_new_tensor_2d(ctx, GgmlType.Q4_K, 512, 3);
  library.ggml_set_name(address, 'layout probe');
  library.ggml_set_input(address);
  const t = readTensor(address);
  const rowBytes = 288; // 512 elements of Q4_K: 2 super-blocks of 144 bytes
  expect(`${what}.type`, t.type, GgmlType.Q4_K);
  expect(`${what}.ne`, t.ne.join(), '512,3,1,1');
  expect(`${what}.nb`, t.nb.join(), `144,${rowBytes},${3 * rowBytes},${3 * rowBytes}`);
  expect(`${what}.op`, t.op, 0);
  expect(`${what}.flags`, t.flags & TENSOR_FLAG.input, TENSOR_FLAG.input);
  expect(`${what}.src`, t.src.length, 0);
  expect(`${what}.view_src`, t.viewSrc, 0n);
  expect(`${what}.name`, t.name, 'layout probe');
  const v = readTensor(library.ggml_view_2d(ctx, address, 256, 2, rowBytes, rowBytes));
  expect(`${what}.src[0]`, v.src[0], address);
  expect(`${what}.view_src`, v.viewSrc, address);
  expect(`${what}.view_offs`, v.viewOffs, rowBytes);
  expect(`${what}.op_params`, v.opParams[0], rowBytes); // ggml_view stores its offset there
  expect(`${what}.op`, GGML_OPS[v.op], 'VIEW');
  expect('ggml_tensor_overhead()', library.ggml_tensor_overhead() >= TENSOR.bytes, true);
  library.ggml_free(ctx);
}

/** The ids of ops, sub-ops and types must mean what our tables say. */
function checkEnums(library: LlamaLibrary): void {
  const where = library.files.ggmlBase;
  GGML_OPS.forEach((name, id) => expect(`${where}: ggml_op ${id}`, library.ggml_op_name(id), name));
  GGML_UNARY_OPS.forEach((name, id) => expect(`${where}: ggml_unary_op ${id}`, library.ggml_unary_op_name(id), name));
  GGML_GLU_OPS.forEach((name, id) => expect(`${where}: ggml_glu_op ${id}`, library.ggml_glu_op_name(id), name));
  for (const [name, id] of Object.entries(GgmlType)) {
    expect(`${where}: ggml_type ${id}`, library.ggml_type_name(id)?.toLowerCase(), name.toLowerCase());
  }
}

function expect(what: string, got: unknown, wanted: unknown): void {
  if (got !== wanted) {
    throw new QuarrelError(`${what} reads ${String(got)} where llama.cpp v0.4.0 has ${String(wanted)}: another layout`);
  }
}
