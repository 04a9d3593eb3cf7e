import type { BlockInspection, MeasuredBlockLane } from '../../../shared/compare/block-lanes';
import { binary, marked } from './bits';
import { number, table } from './table';

/** Differing elements that are listed per lane. */
const MOST_LISTED = 8;

/** How the lanes decoded a block, and the first elements that differ, bit by bit. */
export function blockLanesText({ judge, lanes }: Pick<BlockInspection, 'judge' | 'lanes'>): string {
  const measured = lanes.filter((lane) => lane.status === 'measured');
  const exact = measured.find((lane) => lane.lane === judge);
  return [
    judge === null ? 'lanes: nobody to judge them' : `lanes, judged by ${judge}`,
    '',
    table(
      ['lane', 'equal', 'flushed', 'NaN', 'different', ''],
      lanes.map((lane) => {
        if (lane.status === 'not-measured') return [lane.lane, '', '', '', '', `not measured: ${lane.reason}`];
        const { equal, flushed, nan, different } = lane.classes;
        return [lane.lane, ...[equal, flushed, nan, different].map(String), lane.engine ?? ''];
      }),
      new Set([1, 2, 3, 4]),
    ),
    ...measured.flatMap((lane) => (exact && lane.different.length > 0 ? differences(lane, exact) : [])),
  ].join('\n');
}

function differences(lane: MeasuredBlockLane, exact: MeasuredBlockLane): string[] {
  const width = Math.max(lane.lane.length, exact.lane.length);
  const line = ({ lane: name, values, bits }: MeasuredBlockLane, i: number): string => {
    const value = values[i];
    const text = typeof value === 'number' ? number(value) : String(value);
    return `${name.padEnd(width)}  ${text.padStart(12)}  ${binary(bits[i] as string)}`;
  };
  const listed = lane.different.slice(0, MOST_LISTED);
  const more = lane.different.length - listed.length;
  return [
    ...listed.flatMap((i) => {
      const marks = marked(binary(exact.bits[i] as string), binary(lane.bits[i] as string));
      return ['', `element ${i}`, line(exact, i), line(lane, i), `${' '.repeat(width + 16)}${marks}`];
    }),
    ...(more > 0 ? ['', `… and ${more} more elements of ${lane.lane}`] : []),
  ];
}
