/** The first rung: whether the candidate ran on the tokens that the model's tokenizer gives. */
import type { Cause } from '../cause';
import type { Rung } from '../checks';

/** What the model's tokenizer says of itself. */
export interface VocabularyFacts {
  /** The token that texts begin with, and whether the tokenizer puts it there. */
  readonly bos: number;
  readonly addsBos: boolean;
  /** `tokenizer.ggml.pre`, the pre-tokenizer. */
  readonly pre?: string;
}

export interface TokenEvidence {
  /** The tokens that are run. */
  readonly tokens: readonly number[];
  /** Tokens that a dump says it was made from, none where it does not say; absent for lanes that are given the tokens. */
  readonly dump?: readonly number[];
  /** The text's tokens, BOS included where the model asks for it; absent where tokens were given. */
  readonly prompt?: readonly number[];
  /** Absent for a model without a vocabulary. */
  readonly vocabulary?: VocabularyFacts;
  readonly textOf: (token: number) => string | undefined;
}

export interface TokenFinding {
  readonly rung: Rung;
  /** Why the tokens are other ones; the ids are its proof. */
  readonly cause: Cause | null;
}

const TITLE = 'Tokens';
/** Tokens named in one line. */
const SHOWN = 12;

export function checkTokens(e: TokenEvidence): TokenFinding {
  const { dump, prompt } = e;
  if (!dump) return passed(`both lanes run the same ${countOf(e.tokens)}`, doubledInText(e));
  if (dump.length === 0) return unknown('the dump does not say its tokens (__metadata__.tokens)');
  if (prompt) return isSame(dump, prompt) ? passed(madeFrom(dump), doubledInText(e)) : otherTokens(e, dump, prompt);
  return alone(e, dump);
}

/** A dump whose text is not known. */
function alone(e: TokenEvidence, dump: readonly number[]): TokenFinding {
  const { vocabulary } = e;
  if (!vocabulary?.addsBos) return passed(madeFrom(dump), []);
  const { bos } = vocabulary;
  if (beginsTwice(dump, bos)) return differs(e, DOUBLE_BOS, dump, dump.slice(1));
  if (dump[0] === bos) return passed(madeFrom(dump), []);
  return unknown(
    `the dump's tokens do not begin with BOS (${named(e, [bos])}), which this model's tokenizer puts first; ` +
      'give --prompt TEXT to check them',
  );
}

function otherTokens(e: TokenEvidence, dump: readonly number[], prompt: readonly number[]): TokenFinding {
  const [first, ...rest] = prompt;
  const bos = e.vocabulary?.addsBos ? e.vocabulary.bos : first;
  if (first !== undefined && first === bos) {
    if (isSame(dump, [first, ...prompt])) return differs(e, DOUBLE_BOS, dump, prompt);
    if (isSame(dump, rest)) return differs(e, MISSING_BOS, dump, prompt);
  }
  return differs(e, TOKENIZER, dump, prompt);
}

type Mistake = Pick<Cause, 'id' | 'title' | 'explanation' | 'whereToLook' | 'citations'>;

const DOUBLE_BOS: Mistake = {
  id: 'double-bos',
  title: 'the text begins with BOS twice',
  explanation:
    'The tokenizer puts BOS before the text, and the text (or its chat template) brings one of its own. Every layer ' +
    'computes well, on other tokens: all positions are shifted by one, and the first token weighs double.',
  whereToLook:
    'Where the prompt becomes tokens: either the template writes BOS or the tokenizer adds it (add_special), never both.',
  citations: ['ggml-org/llama.cpp#7332'],
};

const MISSING_BOS: Mistake = {
  id: 'missing-bos',
  title: 'the text does not begin with BOS',
  explanation:
    "The model was trained on texts that begin with BOS, and llama.cpp's tokenizer puts it there. Without it every layer " +
    'computes well, on other tokens.',
  whereToLook: 'Where the prompt becomes tokens: tokenizer.ggml.add_bos_token, and its default for this tokenizer.',
  citations: ['ggml-org/llama.cpp#7332'],
};

const TOKENIZER: Mistake = {
  id: 'tokenizer',
  title: "the text became other tokens than the model's tokenizer gives",
  explanation:
    'The dump was made from other token ids than llama.cpp gives for this text. Every layer may compute well, on other ' +
    'tokens.',
  whereToLook:
    "The engine's tokenizer: which pre-tokenizer (tokenizer.ggml.pre) splits the text before merging, whether a blank " +
    'is put first (add_space_prefix), which merges and special tokens it knows.',
  citations: ['ggml-org/llama.cpp#6920', 'ggml-org/llama.cpp#23252'],
};

function differs(e: TokenEvidence, mistake: Mistake, dump: readonly number[], right: readonly number[]): TokenFinding {
  const at = firstDifference(dump, right);
  const details = [
    `the dump's: ${named(e, dump)}`,
    `the tokenizer's: ${named(e, right)}`,
    `they differ first at token ${at + 1}: ${one(e, dump[at])} for ${one(e, right[at])}`,
    ...(mistake === TOKENIZER ? [whyOther(e, dump, right)] : []),
  ];
  return {
    rung: { id: 'tokens', title: TITLE, state: 'different', text: `${mistake.title}: ${one(e, dump[at])}`, details },
    cause: {
      ...mistake,
      explained: 1,
      nodes: [],
      parameters: { tokens: dump.join(','), right: right.join(',') },
      alternatives: [],
    },
  };
}

/** The same text cut otherwise, or another text. */
function whyOther(e: TokenEvidence, dump: readonly number[], right: readonly number[]): string {
  const [theirs, ours] = [textOf(e, dump), textOf(e, right)];
  if (theirs === undefined || ours === undefined) return 'their texts are not known';
  const pre = e.vocabulary?.pre === undefined ? '' : ` (this model's is ${e.vocabulary.pre})`;
  if (theirs === ours) return `the text is the same, cut otherwise: most likely by another pre-tokenizer${pre}`;
  if (theirs.trim() === ours.trim()) return 'the texts differ only in blanks at their ends';
  return `the texts differ, too: ${JSON.stringify(theirs)} for ${JSON.stringify(ours)}`;
}

/** A text that brings a BOS of its own makes both lanes run on two. */
function doubledInText({ tokens, vocabulary }: TokenEvidence): readonly string[] {
  if (!vocabulary?.addsBos || !beginsTwice(tokens, vocabulary.bos)) return [];
  return ['the text begins with BOS, and the tokenizer puts one more before it: both lanes run on two'];
}

function beginsTwice(tokens: readonly number[], bos: number): boolean {
  return tokens[0] === bos && tokens[1] === bos;
}

function passed(text: string, details: readonly string[]): TokenFinding {
  return { rung: { id: 'tokens', title: TITLE, state: 'equal', text, details }, cause: null };
}

function unknown(text: string): TokenFinding {
  return { rung: { id: 'tokens', title: TITLE, state: 'not-measured', text, details: [] }, cause: null };
}

function madeFrom(tokens: readonly number[]): string {
  return `the dump was made from the same ${countOf(tokens)}`;
}

function countOf(tokens: readonly number[]): string {
  return tokens.length === 1 ? 'token' : `${tokens.length} tokens`;
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i]);
}

function firstDifference(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; ; i++) if (a[i] !== b[i] || i >= a.length) return i;
}

function textOf({ textOf: of }: TokenEvidence, tokens: readonly number[]): string | undefined {
  const pieces = tokens.map(of);
  return pieces.includes(undefined) ? undefined : pieces.join('');
}

function one(e: TokenEvidence, token: number | undefined): string {
  return token === undefined ? 'nothing' : named(e, [token]);
}

/** `1 "<s>", 15043 "Hello"`. */
function named({ textOf: of }: TokenEvidence, tokens: readonly number[]): string {
  const shown = tokens.slice(0, SHOWN).map((token) => {
    const text = of(token);
    return text === undefined ? String(token) : `${token} ${JSON.stringify(text)}`;
  });
  return shown.join(', ') + (tokens.length > SHOWN ? ` and ${tokens.length - SHOWN} more` : '');
}
