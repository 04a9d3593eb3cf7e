/**
 * Tensors whose type is a stand-in: their rows are no multiple of the block that llama.cpp's quantizer wanted. What it
 * does by intent (Q6_K for the output of a Q4_K_M file, more bits for some layers) is none. Source:
 * `tensor_type_fallback`, `llama_tensor_get_type_impl` and `tensor_allows_quantization` in llama-quant.cpp of llama.cpp
 * v0.4.0.
 */
import type { GgmlTypeName } from '../quant/ggml-type';
import { QUANT_FORMATS } from '../quant/registry';
import type { FileType } from './file-type';
import { fileType } from './file-type';
import type { GgufModel } from './model';
import type { GgufTensor } from './tensor-directory';

/** What each stand-in may stand for, most likely first. */
const STANDS_FOR: Partial<Record<GgmlTypeName, readonly GgmlTypeName[]>> = {
  Q5_0: ['Q4_K'],
  Q5_1: ['Q5_K'],
  Q8_0: ['Q6_K'],
  Q4_0: ['Q2_K', 'Q3_K', 'TQ1_0', 'TQ2_0', 'Q2_0'],
  IQ4_NL: ['IQ4_XS', 'IQ3_S', 'IQ3_XXS', 'IQ2_S', 'IQ2_XS', 'IQ2_XXS', 'IQ1_M', 'IQ1_S'],
};

/** Two-dimensional weights that the quantizer leaves alone, whatever their rows. */
const LEFT_ALONE =
  /_norm\.weight$|ffn_gate_inp|tid2eid|altup|laurel|per_layer_model_proj|^position_embd|^token_types|ssm_conv1d|shortconv\.conv|indexer\.[kq]_proj|time_mix_|attn_rel_b|position_embd|pos_embd|sam\.|rel_pos|patch_embd|patch_merger|codebook|code_embd/;

export interface TypeFallback {
  readonly tensor: GgufTensor;
  readonly type: GgmlTypeName;
  /** The type that the quantizer wanted. */
  readonly wanted: GgmlTypeName;
  readonly declared: FileType;
}

/** The tensors with a stand-in type; none where the file declares no type or an unquantized one. */
export function typeFallbacks(model: GgufModel): TypeFallback[] {
  const id = model.metadata.number('general.file_type');
  const declared = id === undefined ? undefined : fileType(id);
  if (declared === undefined || QUANT_FORMATS[declared.base].blockElements === 1) return [];
  const architecture = model.metadata.string('general.architecture') ?? '';
  const eightExperts = model.metadata.number(`${architecture}.expert_count`) === 8;
  return model.tensors.flatMap((tensor) => {
    const wanted = wantedType(tensor, declared, eightExperts);
    return wanted === undefined ? [] : [{ tensor, type: tensor.type!, wanted, declared }];
  });
}

/** The type that `tensor` should have had; undefined where it is no stand-in. */
function wantedType(
  { name, type, ne, dims }: GgufTensor,
  { base }: FileType,
  eightExperts: boolean,
): GgmlTypeName | undefined {
  if (type === undefined || type === base || dims < 2 || !name.endsWith('weight') || LEFT_ALONE.test(name)) {
    return undefined;
  }
  const doesNotFit = (wanted: GgmlTypeName): boolean => ne[0] % QUANT_FORMATS[wanted].blockElements !== 0;
  // The last resort, where rows are not even whole blocks of 32.
  if (type === 'F16') return doesNotFit('Q8_0') && doesNotFit(base) ? base : undefined;
  const candidates = STANDS_FOR[type]?.filter(doesNotFit) ?? [];
  if (candidates.length === 0 || isIntended(name, type, base, eightExperts)) return undefined;
  return candidates.includes(base) ? base : candidates[0];
}

/** Whether the quantizer picks this type by a rule of its own, fitting rows or not. */
function isIntended(name: string, type: GgmlTypeName, base: GgmlTypeName, eightExperts: boolean): boolean {
  // Everything but the experts of an MXFP4 file.
  if (type === 'Q8_0' && base === 'MXFP4') return true;
  // Small in a model of eight experts.
  if (type === 'Q8_0' && eightExperts && /attn_(k|v|qkv)\.weight$/.test(name)) return true;
  // The first layers' ffn_down of a Q4_0 or Q5_0 file with an importance matrix get Q4_1 or Q5_1.
  return type === 'Q5_1' && base === 'Q5_0' && name.includes('ffn_down');
}
