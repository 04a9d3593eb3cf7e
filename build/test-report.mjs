/** Reads Vitest's JSON reports. */
import { existsSync, readFileSync } from 'node:fs';

/**
 * @typedef {object} Report
 * @property {number} passed
 * @property {string[]} skipped  names of the tests
 * @property {string[]} failures names of the tests, or of files that failed as a whole
 */

/**
 * @param {string} file the report; absent when Vitest died before it could write one
 * @param {string} suite prefix of the names
 * @returns {Report}
 */
export function readReport(file, suite) {
  if (!existsSync(file)) return { passed: 0, skipped: [], failures: [`${suite}: wrote no report`] };
  const { testResults } = JSON.parse(readFileSync(file, 'utf8'));
  return addUp(testResults.map((result) => fileReport(result, suite)));
}

function fileReport({ name, status, assertionResults }, suite) {
  const named = (wanted) =>
    assertionResults.filter((test) => wanted.includes(test.status)).map((test) => `${suite}: ${test.fullName.trim()}`);
  const failures = named(['failed']);
  // A file that cannot even be loaded has no tests to fail.
  if (status === 'failed' && failures.length === 0) failures.push(`${suite}: ${name}`);
  return { passed: named(['passed']).length, skipped: named(['skipped', 'pending', 'todo', 'disabled']), failures };
}

/**
 * @param {readonly Report[]} reports
 * @returns {Report}
 */
export function addUp(reports) {
  return {
    passed: reports.reduce((sum, report) => sum + report.passed, 0),
    skipped: reports.flatMap((report) => report.skipped),
    failures: reports.flatMap((report) => report.failures),
  };
}
