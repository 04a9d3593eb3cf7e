import { describe, expect, it } from 'vitest';
import { assembleModel } from '../../../src/shared/gguf/model';
import { parseGguf } from '../../../src/shared/gguf/parse';
import { typeFallbacks } from '../../../src/shared/gguf/type-fallback';
import type { MetadataSpec, TensorSpec } from '../../../src/shared/gguf/write';
import { fixtureBytes, MemorySource } from '../../helpers/gguf-fixture';

const Q4_0 = 2;
const Q5_0 = 8;
const Q4_1 = 3;
const Q4_K_M = 15;
const IQ3_XS = 22;
const MXFP4_MOE = 38;

/** `type in place of wanted`, per stand-in. */
function fallbacks(fileType: number | undefined, tensors: readonly TensorSpec[], experts?: number): string[] {
  const metadata: MetadataSpec[] = [{ key: 'general.architecture', type: 'str', value: 'llama' }];
  if (fileType !== undefined) metadata.push({ key: 'general.file_type', type: 'u32', value: fileType });
  if (experts !== undefined) metadata.push({ key: 'llama.expert_count', type: 'u32', value: experts });
  const model = assembleModel([parseGguf(new MemorySource(fixtureBytes({ metadata, tensors })), 0)]);
  return typeFallbacks(model).map(({ tensor, type, wanted }) => `${tensor.name}: ${type} for ${wanted}`);
}

describe('typeFallbacks', () => {
  it('knows the stand-ins of rows that are no multiple of 256', () => {
    const tensors: TensorSpec[] = [
      { name: 'blk.0.attn_q.weight', type: 'Q5_0', ne: [576, 2] },
      { name: 'blk.0.attn_v.weight', type: 'Q8_0', ne: [576, 2] },
      { name: 'blk.0.ffn_down.weight', type: 'Q6_K', ne: [1536, 2] },
      { name: 'blk.0.ffn_up.weight', type: 'F16', ne: [100, 2] },
      { name: 'blk.0.attn_norm.weight', type: 'F32', ne: [576] },
    ];
    expect(fallbacks(Q4_K_M, tensors)).toEqual([
      'blk.0.attn_q.weight: Q5_0 for Q4_K',
      'blk.0.attn_v.weight: Q8_0 for Q6_K',
      'blk.0.ffn_up.weight: F16 for Q4_K',
    ]);
  });

  it('names the tied embedding of a Q4_1 file, which should have been Q6_K', () => {
    expect(fallbacks(Q4_1, [{ name: 'token_embd.weight', type: 'Q8_0', ne: [576, 3] }])).toEqual([
      'token_embd.weight: Q8_0 for Q6_K',
    ]);
  });

  it('prefers the declared type where several have the same stand-in', () => {
    expect(fallbacks(IQ3_XS, [{ name: 'blk.0.attn_q.weight', type: 'IQ4_NL', ne: [96, 2] }])).toEqual([
      'blk.0.attn_q.weight: IQ4_NL for IQ3_S',
    ]);
  });

  it.each<[string, number | undefined, TensorSpec, number?]>([
    ['Q6_K for the output of a Q4_K_M file', Q4_K_M, { name: 'output.weight', type: 'Q6_K', ne: [512, 2] }],
    ['Q5_0 where Q4_K would have fitted', Q4_K_M, { name: 'blk.0.attn_q.weight', type: 'Q5_0', ne: [512, 2] }],
    ['tensors the quantizer leaves alone', Q4_K_M, { name: 'blk.0.ssm_conv1d.weight', type: 'F16', ne: [4, 64] }],
    ['Q8_0 in an MXFP4 file', MXFP4_MOE, { name: 'blk.0.attn_q.weight', type: 'Q8_0', ne: [96, 2] }],
    ['attn_v of eight experts', Q4_K_M, { name: 'blk.0.attn_v.weight', type: 'Q8_0', ne: [96, 2] }, 8],
    ['Q5_1 for ffn_down of a Q5_0 file', Q5_0, { name: 'blk.0.ffn_down.weight', type: 'Q5_1', ne: [96, 2] }],
    ['the declared type itself', Q4_0, { name: 'blk.0.attn_q.weight', type: 'Q4_0', ne: [96, 2] }],
    ['a file that declares no type', undefined, { name: 'blk.0.attn_q.weight', type: 'Q5_0', ne: [96, 2] }],
    ['an unquantized file', 1, { name: 'blk.0.attn_q.weight', type: 'Q5_0', ne: [96, 2] }],
  ])('finds nothing wrong with %s', (_name, fileType, tensor, experts) => {
    expect(fallbacks(fileType, [tensor], experts)).toEqual([]);
  });
});
