import { loadLlama } from './llama-library';
import { LlamaModel, loadBackends } from './llama-model';
import type { TokenizeAnswer, TokenizeOrder } from './protocol';

/** The child's side of `token-pieces.ts`. Throws QuarrelError for ids out of the vocabulary. */
export function tokenize(order: TokenizeOrder): TokenizeAnswer {
  const library = loadLlama(order.library);
  loadBackends(library);
  const model = LlamaModel.openVocabulary(library, order.modelPath);
  try {
    const { vocabulary } = model;
    const tokens = order.ids ?? vocabulary.tokenize(order.text ?? '', order.addSpecial ?? false);
    vocabulary.check(tokens);
    return {
      vocabSize: vocabulary.size,
      bos: vocabulary.bos,
      addsBos: vocabulary.addsBos,
      tokens,
      pieces: vocabulary.hasText ? tokens.map((t) => vocabulary.piece(t)) : [],
    };
  } finally {
    model.dispose();
  }
}
