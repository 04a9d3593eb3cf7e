import type { Alternative, Cause } from '../../shared/divergence/cause';
import type { BadNode, Verdict } from '../../shared/divergence/verdict';
import { number } from '../cli/text/table';
import type { Block, Section } from './report-parts';
import { facts, listed, paragraph, percent, section, tableOf } from './report-parts';

/** Why the first bad node is wrong, or what its error looks like where no cause is proved. */
export function causeSection({ firstBad }: Verdict): Section[] {
  if (!firstBad) return [];
  return firstBad.cause ? provedSections(firstBad.cause) : unexplained(firstBad);
}

function provedSections(cause: Cause): Section[] {
  const blocks: Block[] = [
    paragraph(
      `${cause.title}: replayed at ${cause.nodes.join(', ')}, it reproduces ${percent(cause.explained)} of the error.`,
    ),
    ...(Object.keys(cause.parameters).length > 0 ? [facts(parameterRows(cause))] : []),
    paragraph(cause.explanation),
    ...(cause.citations.length > 0 ? [paragraph(`Seen in ${cause.citations.join(', ')}.`)] : []),
    ...alternatives('Others explain less', cause.alternatives),
  ];
  return [section('Cause', blocks), section('What to check in your code', [paragraph(cause.whereToLook)])];
}

function unexplained(b: BadNode): Section[] {
  const untried = b.untried > 0 ? `; the budget was spent before ${b.untried} more` : '';
  const { shape } = b;
  return [
    section('Cause: unexplained', [
      paragraph(`${b.tried} ways to go wrong were replayed, none reproduces the error${untried}.`),
      ...(shape
        ? [
            paragraph(`${percent(shape.wrongShare)} of the elements are off.`),
            ...(shape.findings.length > 0 ? [listed(shape.findings.map((f) => f.text))] : []),
            ...alternatives('Nearest', shape.nearMisses),
          ]
        : []),
    ]),
  ];
}

function alternatives(title: string, list: readonly Alternative[]): Block[] {
  if (list.length === 0) return [];
  const rows = list.map((a) => [
    a.title,
    parameterRows(a)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
    percent(a.explained),
    a.nodes.join(', '),
  ]);
  return [tableOf([title, 'parameters', 'explains', 'at'], rows, [2])];
}

function parameterRows({ parameters }: Pick<Alternative, 'parameters'>): (readonly [string, string])[] {
  return Object.entries(parameters).map(
    ([name, value]) => [name, typeof value === 'number' ? number(value) : value] as const,
  );
}
