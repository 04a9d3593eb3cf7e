import type { GgufModel } from './model';

/** Files by `general.type` that are no models. Source: `GGUFType` in gguf-py's constants.py (llama.cpp). */
const ROLES: Readonly<Record<string, string>> = {
  adapter: 'a LoRA adapter, which goes on top of a model',
  imatrix: 'an importance matrix (imatrix), from which a model is quantized',
  mmproj: 'a projector for images or sound (mmproj), which goes beside a model',
  vocab: 'a vocabulary without weights',
};

/** What a GGUF file is that is no model to run; undefined for a model. */
export function fileRole({ metadata, tensors }: Pick<GgufModel, 'metadata' | 'tensors'>): string | undefined {
  const type = metadata.string('general.type');
  if (type !== undefined && Object.hasOwn(ROLES, type)) return ROLES[type];
  const architecture = metadata.string('general.architecture');
  if (architecture === 'clip') return ROLES['mmproj'];
  if (architecture === 'controlvector') return 'a control vector, which goes on top of a model';
  if (tensors.length > 0) return undefined;
  return metadata.array('tokenizer.ggml.tokens') ? ROLES['vocab'] : 'a file without tensors';
}
