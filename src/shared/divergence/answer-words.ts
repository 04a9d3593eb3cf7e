/** What a lane says next where its logits are no numbers: that is measured, and said. */
import type { NotNumbers, Verdict } from './verdict';

/** What stands in place of a token: "NaN (all 384 logits)", or "not measured" where there are no logits. */
export function noTokenText(logits: Pick<Verdict['logits'], 'notNumbers'>, lane: keyof Omit<NotNumbers, 'of'>): string {
  const { [lane]: count, of } = logits.notNumbers;
  return count === null || count === 0 ? 'not measured' : `NaN (${count === of ? 'all' : `${count} of`} ${of} logits)`;
}

/** What stands behind a token that was found among numbers only: " (3 of 384 logits are NaN or infinite)"; often nothing. */
export function someNotNumbers(
  logits: Pick<Verdict['logits'], 'notNumbers'>,
  lane: keyof Omit<NotNumbers, 'of'>,
): string {
  const { [lane]: count, of } = logits.notNumbers;
  return count ? ` (${count} of ${of} logits are NaN or infinite)` : '';
}
