/** NaN and infinity: the first one, how many there are, and what made it. */
import type { ShapeFinding } from '../../divergence/cause';
import type { Site } from '../site';
import type { Elements } from './elements';
import { coordinate, UNCOMPARED } from './elements';
import { nonFiniteOrigin } from './non-finite-origin';
import { rangesText } from './ranges';

/** @param site the node with its inputs, where it could be run again */
export function nonFiniteFindings(elements: Elements, site: Site | undefined): readonly ShapeFinding[] {
  const { wrong, right, states, ne } = elements;
  let first = -1;
  let count = 0;
  const rows = new Set<number>();
  const columns = new Set<number>();
  for (let i = 0; i < wrong.length; i++) {
    // −Infinity where the right result has one too is a mask
    if (states[i] === UNCOMPARED || Number.isFinite(wrong[i]) || Object.is(wrong[i], right[i])) continue;
    if (first < 0) first = i;
    count++;
    rows.add(Math.floor(i / ne[0]));
    columns.add(i % ne[0]);
  }
  if (first < 0) return [];
  const what = Number.isNaN(wrong[first]) ? 'NaN' : 'infinite';
  const where = `rows ${rangesText(ascending(rows))}, columns ${rangesText(ascending(columns))}`;
  const shown = right[first]!.toPrecision(5);
  const found: ShapeFinding[] = [
    {
      kind: 'non-finite',
      text: `The first non-finite element is ${what}, at [${coordinate(first, ne).join(', ')}], right is ${shown}; there are ${count}, in ${where}.`,
    },
  ];
  const origin = site && nonFiniteOrigin(site, first);
  return origin ? [...found, { kind: 'non-finite', text: origin.text }] : found;
}

function ascending(numbers: ReadonlySet<number>): readonly number[] {
  return [...numbers].sort((a, b) => a - b);
}
