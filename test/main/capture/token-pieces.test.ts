import fs from 'node:fs';
import { describe, expect, it } from 'vitest';

import { tokenizeText, tokenPieces } from '../../../src/main/capture/token-pieces';
import { SMOLLM2 } from '../../helpers/shared-models';
import { TINY_MODEL } from './capture-fixture';

describe("the tiny model's vocabulary", () => {
  it('turns text into tokens and back, bytes without a word of their own included', async () => {
    const text = 'The capital of France is Paris. <x> 2024!';
    const tokens = await tokenizeText(TINY_MODEL, text);
    const pieces = await tokenPieces(TINY_MODEL, tokens);
    expect(tokens.map((t) => pieces.get(t)).join('')).toBe(text);
    expect(tokens.length).toBeLessThan(text.length / 2);
  });

  it('takes control tokens that are spelled out', async () => {
    const [first, ...rest] = await tokenizeText(TINY_MODEL, '<|endoftext|> Paris');
    expect(first).toBe(511);
    expect(rest).toHaveLength(1);
    expect(await tokenPieces(TINY_MODEL, [511])).toEqual(new Map([[511, '<|endoftext|>']]));
  });

  it('has nothing to say of no tokens, and refuses ids that it has not', async () => {
    expect(await tokenPieces(TINY_MODEL, [])).toEqual(new Map());
    expect(await tokenizeText(TINY_MODEL, '')).toEqual([]);
    await expect(tokenPieces(TINY_MODEL, [1, 9999])).rejects.toThrow(/token 9999 .* is out of the vocabulary/);
  });
});

describe.skipIf(!fs.existsSync(SMOLLM2))("SmolLM2's vocabulary", () => {
  it('knows " Paris"', async () => {
    expect(await tokenizeText(SMOLLM2, ' Paris')).toEqual([7042]);
    expect(await tokenPieces(SMOLLM2, [7042, 260])).toEqual(
      new Map([
        [7042, ' Paris'],
        [260, ' the'],
      ]),
    );
  });
});
