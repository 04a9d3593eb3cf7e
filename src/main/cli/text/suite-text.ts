import type { SuiteReport, SuiteResult } from '../../suite/suite-report';
import { table } from './table';

/** One line as soon as a case is done. */
export function resultLine(r: SuiteResult): string {
  return `${stateOf(r).padEnd(4)}  ${r.name}: ${r.error ?? verdictOf(r)}; ${r.seconds.toFixed(1)} s`;
}

/** The table of all cases, what differs, and the total. */
export function suiteText(report: SuiteReport): string {
  const rows = report.cases.map((r) => [
    stateOf(r),
    r.model,
    r.prompt,
    r.candidate,
    r.verdict === null ? '–' : `${r.verdict}${roundedOf(r)}`,
    nodeOf(r),
    r.cause?.id ?? (r.firstBad ? 'unexplained' : '–'),
    `${r.seconds.toFixed(1)} s`,
    expectedOf(r),
  ]);
  const head = ['', 'model', 'prompt', 'candidate', 'verdict', 'first bad', 'cause', 'time', 'as expected'];
  return [
    table(head, rows, new Set([7])),
    ...report.cases.flatMap(problems),
    '',
    `${report.passed} as expected, ${report.failed} not, ${report.errors} could not be compared${report.notRun > 0 ? `, ${report.notRun} not run: cancelled` : ''}`,
  ].join('\n');
}

function stateOf(r: SuiteResult): string {
  return r.error !== null ? 'ERR' : r.differences.length > 0 ? 'FAIL' : 'ok';
}

function expectedOf(r: SuiteResult): string {
  return r.error !== null ? '–' : r.differences.length === 0 ? 'yes' : 'no';
}

function verdictOf(r: SuiteResult): string {
  const rounded = roundedOf(r);
  return r.firstBad
    ? `${r.verdict ?? ''} at ${nodeOf(r)}${r.cause ? ` (${r.cause.id})` : ''}${rounded}`
    : `${r.verdict ?? ''}${rounded}`;
}

/** ", 8 rounded"; nothing where none is. */
function roundedOf({ rounded }: SuiteResult): string {
  return rounded ? `, ${rounded} rounded` : '';
}

function nodeOf({ firstBad }: SuiteResult): string {
  if (!firstBad) return '–';
  return firstBad.step === 0 ? firstBad.node : `${firstBad.node} of step ${firstBad.step}`;
}

function problems(r: SuiteResult): readonly string[] {
  const lines = r.error === null ? r.differences : [r.error];
  return lines.length === 0 ? [] : ['', `${r.name}:`, ...lines.map((line) => `    ${line}`)];
}
