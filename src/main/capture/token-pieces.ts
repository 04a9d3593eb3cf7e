import { assert } from '../../shared/base/assert';
import type { JobControl } from '../../shared/base/progress';
import { checkModelFile } from './capture';
import { runChild } from './child-runner';
import { locateLibrary } from './library-files';
import type { TokenizeAnswer } from './protocol';

/** A question that takes a moment and that nobody watches. */
const UNWATCHED: JobControl = {
  progress: () => undefined,
  throwIfCancelled: () => undefined,
  onCancel: () => () => undefined,
};

/** Texts of token ids; empty for a model without a vocabulary. Throws QuarrelError for ids out of the vocabulary. */
export async function tokenPieces(
  modelPath: string,
  ids: readonly number[],
  control = UNWATCHED,
): Promise<ReadonlyMap<number, string>> {
  if (ids.length === 0) return new Map();
  const { pieces } = await askVocabulary(modelPath, { ids }, control);
  return new Map(pieces.map((text, i) => [ids[i]!, text]));
}

/** Token ids of a text without BOS and EOS, as `--expect` needs them. Throws QuarrelError where there is no vocabulary. */
export async function tokenizeText(modelPath: string, text: string, control = UNWATCHED): Promise<readonly number[]> {
  return (await askVocabulary(modelPath, { text }, control)).tokens;
}

async function askVocabulary(
  modelPath: string,
  question: { readonly text: string } | { readonly ids: readonly number[] },
  control: JobControl,
): Promise<TokenizeAnswer> {
  checkModelFile(modelPath);
  const message = await runChild({ kind: 'tokenize', library: locateLibrary(), modelPath, ...question }, control);
  assert(message.kind === 'tokenized', `the capture child answered ${message.kind}`);
  return message.answer;
}
