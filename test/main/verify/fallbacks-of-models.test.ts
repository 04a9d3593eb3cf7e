import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../../src/main/files/model-file';
import { typeFallbacks } from '../../../src/shared/gguf/type-fallback';
import { sharedPath } from '../../helpers/shared-files';

/** Models that llama.cpp's own quantizer wrote: what fell back, read off its rules and the shapes. */
const MODELS: readonly (readonly [file: string, fallbacks: readonly string[]])[] = [
  [
    'models/archs/falcon-dense.Q4_K_M.gguf',
    ['blk.0.ffn_down.weight: Q5_0 for Q4_K', 'blk.1.ffn_down.weight: Q5_1 for Q5_K'],
  ],
  [
    'models/archs/llama-dense.Q4_K_M.gguf',
    ['blk.0.ffn_down.weight: Q5_0 for Q4_K', 'blk.1.ffn_down.weight: Q8_0 for Q6_K'],
  ],
  ['models/archs/mamba-dense.Q4_K_M.gguf', ['blk.0.ssm_dt.weight: F16 for Q4_K', 'blk.1.ssm_dt.weight: F16 for Q4_K']],
  ['models/archs/llama-dense.F32.gguf', []],
  ['models/SmolLM2-135M-Instruct.Q4_1.gguf', ['token_embd.weight: Q8_0 for Q6_K']],
  ['traces/sample.Q4_K_M.gguf', []],
];

describe.each(MODELS)('%s', (file, expected) => {
  const path = sharedPath(file);
  it.skipIf(!existsSync(path))('has exactly the stand-in types that the quantizer left', () => {
    const model = openModel(path);
    const found = typeFallbacks(model.gguf).map(({ tensor, type, wanted }) => `${tensor.name}: ${type} for ${wanted}`);
    model.dispose();
    expect(found).toEqual(expected);
  });
});
