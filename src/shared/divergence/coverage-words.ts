import type { Coverage } from './verdict';

/** "24 of 165 nodes measured (90 with the stretches between them)". */
export function coverageText({ measured, covered, nodes }: Coverage): string {
  const with_ = covered > measured ? ` (${covered} with the stretches between them)` : '';
  return `${measured} of ${nodes} nodes measured${with_}`;
}
