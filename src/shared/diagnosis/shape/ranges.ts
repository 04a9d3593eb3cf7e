/** Numbers in words: `0…3, 8, 10…11`, and what they have in common. */

/** Ranges that are written out; the rest is counted. */
const SHOWN = 4;

/** @param numbers ascending, without repetition */
export function rangesText(numbers: readonly number[]): string {
  const ranges = rangesOf(numbers);
  const text = ranges
    .slice(0, SHOWN)
    .map(([from, to]) => (from === to ? `${from}` : `${from}…${to}`))
    .join(', ');
  return ranges.length > SHOWN ? `${text} and ${ranges.length - SHOWN} more ranges` : text;
}

/** Runs of neighbours, first and last of each. */
export function rangesOf(numbers: readonly number[]): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  for (const n of numbers) {
    const last = ranges[ranges.length - 1];
    if (last?.[1] === n - 1) last[1] = n;
    else ranges.push([n, n]);
  }
  return ranges;
}
