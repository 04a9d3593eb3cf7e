import type { TokenLogit } from '../compare/comparison';
import type { Expectation } from './verdict';

/** A lane's best token; null where it has no logits, `no-number` where none of them is a number. */
export type BestToken = TokenLogit | 'no-number' | null;

/**
 * Checks the user's expectation on both lanes' best tokens. A token matches by its id, or by its text with or without
 * the surrounding spaces.
 */
export function checkExpectation(
  wanted: { readonly expected?: string; readonly minLogit?: number },
  reference: BestToken,
  candidate: BestToken,
): Expectation | null {
  const { expected, minLogit } = wanted;
  if (expected === undefined && minLogit === undefined) return null;
  const met = (best: BestToken): boolean | null =>
    best === 'no-number'
      ? false
      : best &&
        (expected === undefined || isToken(best, expected)) &&
        (minLogit === undefined || best.logit >= minLogit);
  return { expected, minLogit, reference: met(reference), candidate: met(candidate) };
}

function isToken(best: TokenLogit, expected: string): boolean {
  if (best.text === expected || best.text?.trim() === expected.trim()) return true;
  return /^\d+$/.test(expected) && Number(expected) === best.token;
}
