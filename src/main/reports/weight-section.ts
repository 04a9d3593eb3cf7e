import { SAME_WEIGHT } from '../../shared/compare/tolerance';
import type { WeightFinding } from '../../shared/divergence/cause';
import type { Verdict } from '../../shared/divergence/verdict';
import { number } from '../cli/text/table';
import type { Section } from './report-parts';
import { facts, paragraph, section, tableOf } from './report-parts';

/** Elements listed; a super-block has 256. */
const LISTED = 256;

const HOW: Readonly<Record<NonNullable<WeightFinding['how']>, string>> = {
  read: "read off the candidate's result",
  probe: "asked of the candidate's own kernel",
  hypothesis: 'as the proved mistake reads them',
  solved: "solved for from the candidate's results",
};

/** The weight block on both sides. */
export function weightSection({ firstBad }: Verdict): Section[] {
  const w = firstBad?.weight;
  if (!w) return [];
  const { reference, candidate } = w;
  const differ = candidate ? differing(reference, candidate) : [];
  return [
    section('The weight block', [
      facts([
        ['tensor', `${w.tensor} (${w.type})`],
        ['block', `${w.index}, in row ${w.row}`],
        ['bytes', w.bytes],
        ...(w.subBlocks.length > 0 ? [['sub-blocks that differ', w.subBlocks.join(', ')] as const] : []),
        ["candidate's values", w.how ? HOW[w.how] : 'not known'],
      ]),
      ...(candidate ? [paragraph(`${differ.length} of ${reference.length} elements differ.`)] : []),
      ...(candidate && differ.length > 0
        ? [
            tableOf(
              ['element', 'right', 'candidate'],
              differ.slice(0, LISTED).map((i) => [String(i), number(reference[i] ?? NaN), number(candidate[i] ?? NaN)]),
              [0, 1, 2],
            ),
          ]
        : []),
    ]),
  ];
}

function differing(reference: readonly number[], candidate: readonly number[]): readonly number[] {
  const largest = Math.max(...reference.map(Math.abs));
  return reference.flatMap((r, i) => (Math.abs(r - (candidate[i] ?? NaN)) <= SAME_WEIGHT * largest ? [] : [i]));
}
