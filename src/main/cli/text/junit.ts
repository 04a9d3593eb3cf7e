/** One test case of a JUnit XML report. */
export interface JUnitCase {
  readonly name: string;
  readonly seconds: number;
  /** What went wrong, a line each; empty when all is well. */
  readonly problems: readonly string[];
}

/** JUnit XML as CI servers read it (the schema of the Jenkins xUnit plugin). */
export function junitXml(suite: string, cases: readonly JUnitCase[]): string {
  const failures = cases.filter((c) => c.problems.length > 0).length;
  const seconds = cases.reduce((sum, c) => sum + c.seconds, 0);
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" time="${seconds.toFixed(3)}"`;
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

function caseXml(suite: string, { name, seconds, problems }: JUnitCase): string {
  const open = `    <testcase classname="${escape(suite)}" name="${escape(name)}" time="${seconds.toFixed(3)}"`;
  const [first] = problems;
  if (first === undefined) return `${open}/>`;
  return `${open}>\n      <failure message="${escape(first)}">${escape(problems.join('\n'))}</failure>\n    </testcase>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Characters that XML cannot hold at all are dropped. */
function escape(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replace(/[&<>"]/g, (c) => ENTITIES[c]!);
}
