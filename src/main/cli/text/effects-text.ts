/** What several bad nodes do to the answer, each alone, as a person reads it in a terminal. */
import { effectText, independenceText, nameOfBad, rankedByEffect } from '../../../shared/divergence/effect-text';
import type { Verdict } from '../../../shared/divergence/verdict';
import { paragraph } from './cause-text';

/** Nodes listed. */
const LISTED = 8;

/** Nothing for a single one: the bad node's own lines say it. */
export function effectsText(v: Pick<Verdict, 'allBad' | 'bugs'>): string[] {
  const bad = v.allBad;
  const ranked = rankedByEffect(bad);
  const together = independenceText(v);
  const sure = together === undefined ? [] : [...paragraph('', together), ''];
  if (ranked.length < 2) return sure;
  const shown = ranked.slice(0, LISTED).map((b) => ({ name: nameOfBad(b), text: effectText(b.effect) }));
  const width = Math.max(...shown.map(({ name }) => name.length));
  const more = ranked.length - shown.length;
  const open = bad.length - ranked.length;
  return [
    '  each alone, the largest effect on its answer first',
    ...shown.map(({ name, text }) => `        ${name.padEnd(width)}  ${text}`),
    ...(more > 0 ? [`        and ${more} more with less`] : []),
    ...(open > 0
      ? [`        ${open} ${open === 1 ? 'other was' : 'others were'} not followed (--effect follows all)`]
      : []),
    '',
    ...sure,
  ];
}
