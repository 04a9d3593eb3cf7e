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

/** Token ids of a prompt, BOS and EOS added as the model asks: what a run of the text begins with. */
export async function tokenizePrompt(modelPath: string, text: string, control: JobControl): Promise<readonly number[]> {
  return (await askVocabulary(modelPath, { text, addSpecial: true }, control)).tokens;
}

/** What the model's tokenizer says of tokens and of itself; undefined for a model without a vocabulary. */
export async function vocabularyOf(
  modelPath: string,
  ids: readonly number[],
  control: JobControl,
): Promise<
  { readonly textOf: ReadonlyMap<number, string>; readonly bos: number; readonly addsBos: boolean } | undefined
> {
  const { pieces, bos, addsBos } = await askVocabulary(modelPath, { ids }, control);
  if (pieces.length === 0) return undefined;
  return { textOf: new Map(pieces.map((text, i) => [ids[i] as number, text])), bos, addsBos };
}

async function askVocabulary(
  modelPath: string,
  question: { readonly text: string; readonly addSpecial?: boolean } | { readonly ids: readonly number[] },
  control: JobControl,
): Promise<TokenizeAnswer> {
  checkModelFile(modelPath);
  const message = await runChild({ kind: 'tokenize', library: locateLibrary(), modelPath, ...question }, control);
  assert(message.kind === 'tokenized', `the capture child answered ${message.kind}`);
  return message.answer;
}
