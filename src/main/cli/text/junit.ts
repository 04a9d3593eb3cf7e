import { printable } from '../../../shared/base/printable';

/** One test case of a JUnit XML report. */
export interface JUnitCase {
  readonly name: string;
  readonly seconds: number;
  /** What went wrong, a line each; empty when all is well. */
  readonly problems: readonly string[];
  /** What else is to be said, a line each. */
  readonly remarks?: readonly string[];
  /** Why the case could not be carried out; absent where it could. */
  readonly error?: string;
  /** It was not run. */
  readonly skipped?: boolean;
}

/** JUnit XML as CI servers read it (the schema of the Jenkins xUnit plugin). */
export function junitXml(suite: string, cases: readonly JUnitCase[]): string {
  const errors = cases.filter((c) => c.error !== undefined).length;
  const failures = cases.filter((c) => c.error === undefined && c.problems.length > 0).length;
  const seconds = cases.reduce((sum, c) => sum + c.seconds, 0);
  const skipped = cases.filter((c) => c.skipped).length;
  const rest = skipped > 0 ? ` skipped="${skipped}"` : '';
  const counts = `tests="${cases.length}" failures="${failures}" errors="${errors}"${rest} time="${seconds.toFixed(3)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${escape(suite)}" ${counts}>`,
    ...cases.map((c) => caseXml(suite, c)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function caseXml(suite: string, { name, seconds, problems, remarks = [], error, skipped }: JUnitCase): string {
  const open = `    <testcase classname="${escape(suite)}" name="${escape(name)}" time="${seconds.toFixed(3)}"`;
  const [first] = error === undefined ? problems : [error];
  const tag = error === undefined ? 'failure' : 'error';
  const text = error === undefined ? problems.join('\n') : error;
  const inner = [
    ...(skipped ? ['<skipped/>'] : []),
    ...(first === undefined ? [] : [`<${tag} message="${escape(first)}">${escape(text)}</${tag}>`]),
    ...(remarks.length === 0 ? [] : [`<system-out>${escape(remarks.join('\n'))}</system-out>`]),
  ];
  if (inner.length === 0) return `${open}/>`;
  return [`${open}>`, ...inner.map((line) => `      ${line}`), '    </testcase>'].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Characters that XML cannot hold at all are escapes, as all that would act on whoever shows the report. */
function escape(text: string): string {
  return text
    .split('\n')
    .map(printable)
    .join('\n')
    .replace(/[\ufffe\uffff]/g, '')
    .replace(/[&<>"]/g, (c) => ENTITIES[c]!);
}
