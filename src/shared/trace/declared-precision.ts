import { QuarrelError } from '../base/errors';
import type { DeclaredPrecision } from './trace';

const ACTIVATIONS = ['F32', 'F16', 'BF16'] as const;
const ACCUMULATION = ['F32', 'F16'] as const;

/**
 * Reads `activations` and `accumulation` of a dump's `__metadata__`; either case.
 * @throws QuarrelError on a value that is no such type
 */
export function declaredPrecision(metadata: Readonly<Record<string, string>>, label: string): DeclaredPrecision {
  const activations = oneOf(ACTIVATIONS, 'activations', metadata, label);
  const accumulation = oneOf(ACCUMULATION, 'accumulation', metadata, label);
  return { ...(activations ? { activations } : {}), ...(accumulation ? { accumulation } : {}) };
}

function oneOf<T extends string>(
  known: readonly T[],
  key: string,
  metadata: Readonly<Record<string, string>>,
  label: string,
): T | undefined {
  const text = metadata[key];
  if (text === undefined) return undefined;
  const found = known.find((k) => k === text.toUpperCase());
  if (found) return found;
  throw new QuarrelError(
    `${label}: __metadata__.${key} is ${JSON.stringify(text.slice(0, 40))}; ${known.join(', ')} expected`,
  );
}
