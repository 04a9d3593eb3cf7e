/** Planted mistakes: what the attention hypotheses say of a site with wrong numbers. */
import { expect } from 'vitest';
import type { Hypothesis } from '../../../../../src/shared/diagnosis/hypothesis';
import { ATTENTION_HYPOTHESES } from '../../../../../src/shared/diagnosis/hypotheses/attention/list';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import { randomWords } from '../../../../helpers/random';
import type { Tried } from '../../try-hypothesis';
import { bestOf } from '../../try-hypothesis';

/** `count` reproducible values between −scale and scale. */
export function spread(count: number, seed: number, scale = 1): Float32Array {
  return Float32Array.from(randomWords(count, seed), (w) => ((w / 2 ** 32) * 2 - 1) * scale);
}

/** The site with another wrong result. */
export function withWrong(site: Site, wrong: Float32Array): Site {
  return { ...site, wrong };
}

export async function tried(hypothesis: Hypothesis, site: Site): Promise<Tried> {
  const best = await bestOf(hypothesis, site);
  if (!best) throw new Error(`${hypothesis.id} does not apply`);
  return best;
}

/** Hypotheses that may explain the planted mistake just as well, beside the one that names it. */
export interface Planted {
  readonly site: Site;
  readonly wrong: Float32Array;
  readonly label?: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly synonyms?: readonly string[];
}

/**
 * The hypothesis reproduces the planted wrong result with these parameters, no particular one of another kind does, and
 * it explains nothing of random errors.
 */
export async function expectNamed(hypothesis: Hypothesis, planted: Planted): Promise<void> {
  const site = withWrong(planted.site, planted.wrong);
  const best = await tried(hypothesis, site);
  expect(best.share).toBeGreaterThan(0.99);
  if (planted.label !== undefined) expect(best.label).toBe(planted.label);
  if (planted.parameters) expect(best.parameters).toMatchObject(planted.parameters);
  for (const other of ATTENTION_HYPOTHESES) {
    if (other === hypothesis || other.generality > hypothesis.generality) continue;
    if (planted.synonyms?.includes(other.id)) continue;
    const found = await bestOf(other, site);
    expect(found?.share ?? 0, `${other.id}: ${found?.label ?? ''}`).toBeLessThan(0.9);
  }
  await expectBlind(hypothesis, planted.site);
}

/** Errors of random sign and size, as large as the result. */
export async function expectBlind(hypothesis: Hypothesis, site: Site): Promise<void> {
  const { right } = site;
  const size = Math.sqrt(right.reduce((s, x) => s + (Number.isFinite(x) ? x * x : 0), 0) / right.length);
  const noise = spread(right.length, 4711, size);
  const best = await bestOf(
    hypothesis,
    withWrong(
      site,
      right.map((x, i) => x + (noise[i] as number)),
    ),
  );
  expect(best?.share ?? 0, `random errors: ${best?.label ?? ''}`).toBeLessThan(0.5);
}
