import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { addUp, readReport } from '../../build/test-report.mjs';

const folder = mkdtempSync(join(tmpdir(), 'quarrel-report-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function report(testResults: unknown): string {
  const file = join(folder, 'report.json');
  writeFileSync(file, JSON.stringify({ testResults }));
  return file;
}
const test = (status: string, fullName: string): object => ({ status, fullName });

it('counts the passed tests and names the others', () => {
  const file = report([
    { name: 'a.test.ts', status: 'passed', assertionResults: [test('passed', 'a one'), test('skipped', 'a two')] },
    { name: 'b.test.ts', status: 'failed', assertionResults: [test('failed', 'b one'), test('passed', 'b two')] },
    { name: 'c.test.ts', status: 'passed', assertionResults: [test('pending', 'c one'), test('todo', 'c two')] },
  ]);
  expect(readReport(file, 'unit')).toEqual({
    passed: 2,
    skipped: ['unit: a two', 'unit: c one', 'unit: c two'],
    failures: ['unit: b one'],
  });
});

it('counts a file that could not be loaded as a failure', () => {
  const file = report([{ name: 'broken.test.ts', status: 'failed', assertionResults: [] }]);
  expect(readReport(file, 'gpu').failures).toEqual(['gpu: broken.test.ts']);
});

it('counts a run without a report as a failure', () => {
  expect(readReport(join(folder, 'absent.json'), 'e2e').failures).toEqual(['e2e: wrote no report']);
});

it('adds runs up', () => {
  const one = { passed: 2, skipped: ['a'], failures: [] };
  const other = { passed: 3, skipped: ['b'], failures: ['c'] };
  expect(addUp([one, other])).toEqual({ passed: 5, skipped: ['a', 'b'], failures: ['c'] });
});
