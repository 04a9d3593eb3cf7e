import { describe, expect, it } from 'vitest';

import type { TokenEvidence } from '../../../../src/shared/divergence/preflight/tokens';
import { checkTokens } from '../../../../src/shared/divergence/preflight/tokens';

const PIECES = new Map([
  [1, '<s>'],
  [2, 'He'],
  [3, 'llo'],
  [4, 'Hello'],
  [5, ' world'],
  [6, ' '],
]);
const BOS = { bos: 1, addsBos: true, pre: 'llama-bpe' };
const evidence = (e: Partial<TokenEvidence>): TokenEvidence => ({
  tokens: e.dump ?? [1, 4, 5],
  vocabulary: BOS,
  textOf: (token) => PIECES.get(token),
  ...e,
});

describe('the rung of tokens', () => {
  it('is equal for lanes that are given the tokens, and tells of a text that brings its own BOS', () => {
    expect(checkTokens(evidence({}))).toMatchObject({ rung: { state: 'equal', details: [] }, cause: null });
    const { rung, cause } = checkTokens(evidence({ tokens: [1, 1, 4] }));
    expect(rung.state).toBe('equal');
    expect(rung.details[0]).toMatch(/both lanes run on two/);
    expect(cause).toBeNull();
  });

  it('is equal for a dump of the text', () => {
    const found = checkTokens(evidence({ dump: [1, 4, 5], prompt: [1, 4, 5] }));
    expect(found).toMatchObject({ rung: { state: 'equal' }, cause: null });
  });

  it('finds BOS doubled, against the text and without it', () => {
    for (const prompt of [[1, 4, 5], undefined]) {
      const found = checkTokens(evidence({ dump: [1, 1, 4, 5], ...(prompt ? { prompt } : {}) }));
      expect(found.rung).toMatchObject({ state: 'different', id: 'tokens' });
      expect(found.rung.text).toBe('the text begins with BOS twice: 1 "<s>"');
      expect(found.cause).toMatchObject({
        id: 'double-bos',
        explained: 1,
        nodes: [],
        parameters: { tokens: '1,1,4,5', right: '1,4,5' },
      });
    }
  });

  it('takes a token that is doubled for no BOS where the tokenizer adds none', () => {
    const found = checkTokens(evidence({ dump: [1, 1, 4], vocabulary: { bos: 1, addsBos: false } }));
    expect(found).toMatchObject({ rung: { state: 'equal' }, cause: null });
  });

  it('finds BOS missing only where the text is known', () => {
    expect(checkTokens(evidence({ dump: [4, 5], prompt: [1, 4, 5] })).cause?.id).toBe('missing-bos');
    const alone = checkTokens(evidence({ dump: [4, 5] }));
    expect(alone).toMatchObject({ rung: { state: 'not-measured' }, cause: null });
    expect(alone.rung.text).toMatch(/do not begin with BOS \(1 "<s>"\).*--prompt/);
  });

  it('calls the same text in other pieces another pre-tokenizer', () => {
    const { rung, cause } = checkTokens(evidence({ dump: [1, 2, 3, 5], prompt: [1, 4, 5] }));
    expect(cause?.id).toBe('tokenizer');
    expect(rung.details).toEqual([
      'the dump\'s: 1 "<s>", 2 "He", 3 "llo", 5 " world"',
      'the tokenizer\'s: 1 "<s>", 4 "Hello", 5 " world"',
      'they differ first at token 2: 2 "He" for 4 "Hello"',
      "the text is the same, cut otherwise: most likely by another pre-tokenizer (this model's is llama-bpe)",
    ]);
  });

  it('tells other texts, and blanks at their ends, apart from that', () => {
    const why = (dump: readonly number[]): string | undefined =>
      checkTokens(evidence({ dump, prompt: [1, 4, 5] })).rung.details.at(-1);
    expect(why([1, 4, 5, 6])).toBe('the texts differ only in blanks at their ends');
    expect(why([1, 5])).toBe('the texts differ, too: "<s> world" for "<s>Hello world"');
  });

  it('does without a vocabulary, and says when the dump tells no tokens', () => {
    const bare = { textOf: () => undefined, tokens: [7, 8] };
    expect(checkTokens({ ...bare, dump: [7, 8] })).toMatchObject({ rung: { state: 'equal' }, cause: null });
    expect(checkTokens({ ...bare, dump: [] }).rung).toMatchObject({ state: 'not-measured' });
  });
});
