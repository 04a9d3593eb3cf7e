/** Plants a mistake in a mat-mul's weight and asks a hypothesis about it. */
import { expect } from 'vitest';
import type { Hypothesis } from '../../../../../src/shared/diagnosis/hypothesis';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import type { Tried } from '../../try-hypothesis';
import { bestOf } from '../../try-hypothesis';
import type { MatMul, Others } from './weight-fixture';
import { matMulSite, productWith, unrelated } from './weight-fixture';

/** The hypothesis must reproduce the product with `wrong` values, and nothing of an unrelated error. */
export async function expectExplained(
  hypothesis: Hypothesis,
  m: MatMul,
  wrong: ArrayLike<number>,
  others: Others = {},
): Promise<Tried> {
  return expectExplainedAt(hypothesis, matMulSite(m, productWith(m, wrong), others));
}

export async function expectExplainedAt(hypothesis: Hypothesis, site: Site): Promise<Tried> {
  const other = await bestOf(hypothesis, { ...site, wrong: unrelated(site.right) });
  expect(other?.share ?? 0).toBeLessThan(0.5);
  const best = await bestOf(hypothesis, site);
  expect(best?.share ?? 0).toBeGreaterThan(0.99);
  if (!best) throw new TypeError('nothing was tried');
  return best;
}
