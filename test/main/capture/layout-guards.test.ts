import koffi from 'koffi';
import { describe, expect, it } from 'vitest';

import { checkLayouts, checkVersion } from '../../../src/main/capture/layout-guards';
import { locateLibrary } from '../../../src/main/capture/library-files';
import type { LlamaLibrary } from '../../../src/main/capture/llama-library';
import { loadLlama } from '../../../src/main/capture/llama-library';
import { BATCH, CONTEXT_PARAMS, MODEL_PARAMS, TENSOR } from '../../../src/main/capture/struct-layouts';

const files = locateLibrary();
const library = loadLlama(files);

describe('struct layouts', () => {
  it('have the sizes that the headers of llama.cpp v0.4.0 give on 64-bit platforms', () => {
    expect(koffi.sizeof(MODEL_PARAMS)).toBe(80);
    expect(koffi.sizeof(CONTEXT_PARAMS)).toBe(160);
    expect(koffi.sizeof(BATCH)).toBe(56);
    // ggml_tensor_overhead() is a tensor and ggml's 32-byte object header before it.
    expect(library.ggml_tensor_overhead()).toBe(TENSOR.bytes + 32);
  });

  it('are proven against the published library', () => {
    expect(() => checkLayouts(library)).not.toThrow();
  });
});

describe('guards refuse', () => {
  it('a library without llama_version', () => {
    expect(() => checkVersion(koffi.load(files.ggmlBase), files.ggmlBase)).toThrow(/has no llama_version\(\)/);
  });

  it('parameters whose defaults lie elsewhere', () => {
    const value = { ...library.llama_context_default_params().value, n_ubatch: 2048 };
    const other: LlamaLibrary = { ...library, llama_context_default_params: () => ({ value }) };
    expect(() => checkLayouts(other)).toThrow(/llama_context_params\.n_ubatch reads 2048 where .* has 512/);
  });

  it('tensors whose fields lie elsewhere', () => {
    // A tensor one row longer than asked for reads as a layout in which ne is elsewhere.
    const longer: LlamaLibrary = {
      ...library,
      ggml_new_tensor_2d: (ctx, type, ne0, ne1) => library.ggml_new_tensor_2d(ctx, type, ne0, ne1 + 1),
    };
    expect(() => checkLayouts(longer)).toThrow(/ggml_tensor\.ne reads 512,4,1,1 where .* has 512,3,1,1/);
  });

  it('ops that are numbered otherwise', () => {
    const shifted: LlamaLibrary = { ...library, ggml_op_name: (op) => library.ggml_op_name(op + 1) };
    expect(() => checkLayouts(shifted)).toThrow(/ggml_op 0 reads DUP where .* has NONE/);
  });
});
