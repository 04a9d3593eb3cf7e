import type { TokenLogit } from '../compare/comparison';
import type { Expectation } from './verdict';

/**
 * Checks the user's expectation on both lanes' best tokens. A token matches by its id, or by its text with or without
 * the surrounding spaces.
 */
export function checkExpectation(
  wanted: { readonly expected?: string; readonly minLogit?: number },
  reference: TokenLogit | null,
  candidate: TokenLogit | null,
): Expectation | null {
  const { expected, minLogit } = wanted;
  if (expected === undefined && minLogit === undefined) return null;
  const met = (best: TokenLogit | null): boolean | null =>
    best && (expected === undefined || isToken(best, expected)) && (minLogit === undefined || best.logit >= minLogit);
  return { expected, minLogit, reference: met(reference), candidate: met(candidate) };
}

function isToken(best: TokenLogit, expected: string): boolean {
  if (best.text === expected || best.text?.trim() === expected.trim()) return true;
  return /^\d+$/.test(expected) && Number(expected) === best.token;
}
