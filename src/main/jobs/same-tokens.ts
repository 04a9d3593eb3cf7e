import { QuarrelError } from '../../shared/base/errors';
import type { TraceSource } from '../../shared/trace/trace';

/** Only runs of the same tokens can be compared; a trace that does not say its tokens is taken at its word. */
export function requireSameTokens(
  a: Pick<TraceSource, 'label' | 'tokens'>,
  b: Pick<TraceSource, 'label' | 'tokens'>,
  hint = '',
): void {
  if (a.tokens.length === 0 || b.tokens.length === 0 || a.tokens.join() === b.tokens.join()) return;
  throw new QuarrelError(
    `${a.label} was made from tokens ${a.tokens.join(',')}, ${b.label} from ${b.tokens.join(',')}: ` +
      `compare like with like${hint}`,
  );
}
