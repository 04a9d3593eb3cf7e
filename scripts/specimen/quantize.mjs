/**
 * Quantizes a GGUF to Q4_K_M with the llama.cpp library itself. `node scripts/specimen/quantize.mjs IN.gguf OUT.gguf`
 * Struct: `llama_model_quantize_params` of llama.h, llama.cpp v0.4.0. Linux x64.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';

const LLAMA_FTYPE_MOSTLY_Q4_K_M = 15;

const [input, output] = process.argv.slice(2);
if (input === undefined || output === undefined) {
  console.error('quantize.mjs IN.gguf OUT.gguf');
  process.exit(2);
}
const project = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(project, 'node_modules/@node-llama-cpp/linux-x64/bins/linux-x64');
const file = (stem) =>
  join(
    folder,
    readdirSync(folder).find((name) => name.startsWith(stem)),
  );

for (const stem of ['libggml-base', 'libggml.']) koffi.load(file(stem), { global: true });
const llama = koffi.load(file('libllama.'), { global: true });
const Params = koffi.struct('llama_model_quantize_params', {
  nthread: 'int32_t',
  ftype: 'int',
  output_tensor_type: 'int',
  token_embedding_type: 'int',
  allow_requantize: 'bool',
  quantize_output_tensor: 'bool',
  only_copy: 'bool',
  pure: 'bool',
  keep_split: 'bool',
  dry_run: 'bool',
  imatrix: 'void *',
  kv_overrides: 'void *',
  tt_overrides: 'void *',
  prune_layers: 'void *',
  max_buf_size: 'size_t',
});
llama.func('void llama_backend_init()')();
const defaults = llama.func('llama_model_quantize_default_params', Params, []);
const quantize = llama.func('llama_model_quantize', 'uint32_t', ['str', 'str', koffi.pointer(Params)]);
const failed = quantize(input, output, { ...defaults(), nthread: 2, ftype: LLAMA_FTYPE_MOSTLY_Q4_K_M });
if (failed !== 0) throw new Error(`llama_model_quantize: ${failed}`);
