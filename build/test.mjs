/**
 * `npm test`: everything that must hold, and at the very end one line `N passed, N failed, N skipped` over all test runs.
 * `--full` (`npm run test:full`) adds the tests that take long.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project-root.mjs';
import { reportingFailure, setUp } from './setup.mjs';
import { say } from './setup/log.mjs';
import { addUp, readReport } from './test-report.mjs';

const results = join(projectRoot, 'test-results');
const script = (...path) => join(projectRoot, ...path);
const bin = (...path) => script('node_modules', ...path);

/** Checks without tests: each is a step that passes or fails as a whole. */
const checks = {
  lint: [bin('eslint', 'bin', 'eslint.js'), '.', '--max-warnings', '0'],
  format: [bin('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level', 'warn', '.'],
  typecheck: [script('build', 'typecheck.mjs')],
  imports: [script('build', 'check-imports.mjs')],
  build: [script('build', 'bundle.mjs')],
};
const suites = ['unit', 'gpu', 'e2e'];

await reportingFailure(async () => {
  await setUp({ forTests: true });
  const failed = await runChecks();
  // Tests start worker threads and child processes from the bundles; without them each would fail for the same reason.
  const reports = [];
  if (!failed.includes('build')) for (const suite of suites) reports.push(await runSuite(suite, failed));
  const { passed, skipped, failures } = addUp(reports);
  for (const name of skipped) process.stdout.write(`skipped: ${name}\n`);
  for (const name of failures) process.stdout.write(`failed: ${name}\n`);
  if (failed.length > 0) process.stdout.write(`failed steps: ${failed.join(', ')}\n`);
  if (failed.length > 0 || failures.length > 0 || passed === 0) process.exitCode = 1;
  process.stdout.write(`${passed} passed, ${failures.length} failed, ${skipped.length} skipped\n`);
});

/** Lint takes as long as all others together, and each keeps one core busy. */
async function runChecks() {
  const { lint, ...others } = checks;
  const linting = step('lint', lint, 'pipe');
  const failed = [];
  for (const [name, args] of Object.entries(others)) if (!(await step(name, args, 'pipe'))) failed.push(name);
  return (await linting) ? failed : ['lint', ...failed];
}

/** A suite fails as a step, too, where its exit code says more than its report (an error outside any test, say). */
async function runSuite(suite, failed) {
  const file = join(results, `vitest-${suite}.json`);
  rmSync(file, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  if (!(await step(suite, [bin('vitest', 'vitest.mjs'), 'run', '--project', suite, ...reporters]))) failed.push(suite);
  return readReport(file, suite);
}

/** @param prints 'pipe': what it prints comes in one piece, once it is done, as others print beside it */
async function step(name, args, prints = 'inherit') {
  const startedAt = Date.now();
  if (prints === 'inherit') say(name);
  const env = { ...process.env, QUARREL_SKIP_BUILD: '1' };
  if (process.argv.includes('--full')) env.QUARREL_FULL = '1';
  const child = spawn(process.execPath, args, { cwd: projectRoot, env, stdio: ['inherit', prints, prints] });
  const printed = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => printed.push(chunk));
  const [code] = await once(child, 'close');
  process.stdout.write(Buffer.concat(printed));
  say(`${name}: ${code === 0 ? 'passed' : 'FAILED'} in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return code === 0;
}
