import path from 'node:path';

import type { Command } from 'commander';

import { QuarrelError } from '../../../shared/base/errors';
import type { JobControl } from '../../../shared/base/progress';
import { nodesRound } from '../../../shared/divergence/rounded-words';
import type { Verdict } from '../../../shared/divergence/verdict';
import type { RunInputs } from '../../files/run-inputs';
import { writeAtomic } from '../../files/write-atomic';
import { reportOf } from '../../reports/report';
import { reproFolder, runSuite } from '../../suite/run-suite';
import type { SuiteCase } from '../../suite/suite-cases';
import { casesOf, filtered } from '../../suite/suite-cases';
import { readSuite } from '../../suite/suite-file';
import type { SuiteReport, SuiteResult } from '../../suite/suite-report';
import { suiteReport } from '../../suite/suite-report';
import { trustNeeded } from '../../suite/suite-trust';
import { askTrust } from '../ask-trust';
import { nodeEngines } from '../engines';
import { asked, checkFiles } from '../run-files';
import type { CommandContext, ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { junitXml } from '../text/junit';
import { resultLine, suiteText } from '../text/suite-text';
import { WriteFailures } from '../write-failures';

interface SuiteOptions {
  readonly filter?: string;
  readonly junit?: string;
  readonly report?: string;
  readonly trust?: boolean;
  readonly json?: boolean;
}

export function addSuite(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('suite')
    .argument('<file>', 'suite (quarrel.suite/1, JSON): models, prompts, candidates and what is expected of them')
    .description('the wizard over many models, prompts and candidates, for CI')
    .option('--filter <glob>', "only cases whose name matches, as '*qwen*'")
    .option('--junit <file>', 'writes a JUnit XML report too')
    .option('--report <dir>', 'writes each verdict as HTML and Markdown into this folder')
    .option('--trust', 'allows what the suite asks for: programs, libraries, outputs outside of its folder')
    .option('--json', 'one JSON document (quarrel.suite-report/1) on stdout')
    .action(async (file: string, options: SuiteOptions) => {
      exit(await suite(file, options));
    });
}

function suite(file: string, options: SuiteOptions): Promise<ExitCode> {
  return runCommand(options, async (context) => {
    const { control, remark } = context;
    await checkFiles({ files: [file] }, [], control);
    const spec = readSuite(file);
    const all = casesOf(spec);
    const cases = filtered(all, options.filter);
    if (cases.length === 0) {
      throw new QuarrelError(
        `no case of ${file} matches ${JSON.stringify(options.filter)}; the first of ${all.length} is ${JSON.stringify(all[0]?.name)}`,
      );
    }
    const needs = options.trust ? [] : trustNeeded(cases, spec.folder);
    if (needs.length > 0) await askTrust(file, needs, control);
    await checkSuiteFiles(file, cases, options, control);

    const results: SuiteResult[] = [];
    const failures = new WriteFailures();
    const onResult = (result: SuiteResult, c: SuiteCase, verdict: Verdict | undefined): void => {
      results.push(result);
      remark(resultLine(result));
      const { report: folder } = options;
      if (folder !== undefined && verdict) failures.attempt(() => writeReports(reportFile(folder, c), verdict));
    };
    const tell = (report: SuiteReport): void => answerWith(report, cases, options, context, failures);
    // At once: a case that does not give up in time must not take the finished ones with it.
    const unsubscribe = control.onCancel(() =>
      tell(suiteReport(spec.name, file, results, cases.length - results.length)),
    );
    const onWrite = (write: () => void): void => failures.attempt(write);
    const report = await runSuite({ name: spec.name, file, cases, onResult, onWrite }, nodeEngines, control);
    unsubscribe();
    tell(report);
    failures.throwFirst();
    if (report.errors > 0) return EXIT.failed;
    return report.failed > 0 ? EXIT.difference : EXIT.fine;
  });
}

function answerWith(
  report: SuiteReport,
  cases: readonly SuiteCase[],
  { junit }: SuiteOptions,
  { answer }: CommandContext,
  failures: WriteFailures,
): void {
  answer(report, suiteText);
  if (junit === undefined) return;
  const xml = junitXml(`quarrel suite ${report.suite}`, junitCases(report, cases));
  failures.attempt(() => writeAtomic(junit, xml));
}

/** All that the cases read and write. */
async function checkSuiteFiles(
  file: string,
  cases: readonly SuiteCase[],
  { junit, report }: SuiteOptions,
  control: JobControl,
): Promise<void> {
  const inputs: RunInputs = {
    models: [...new Set(cases.map((c) => c.modelPath))],
    lanes: [...new Set(cases.flatMap((c) => [c.reference, c.candidate.lane]))],
    files: [file, ...cases.flatMap((c) => c.candidate.map ?? [])],
  };
  const reports = report === undefined ? [] : cases.flatMap((c) => REPORTS.map((end) => reportFile(report, c) + end));
  const repros = cases.flatMap((c) => c.candidate.repro ?? []);
  const outputs = [
    ...asked('--junit', junit),
    ...asked('--report', report, 'folder'),
    ...[...new Set(repros)].flatMap((folder) => asked('repro', folder, 'folder')),
  ];
  const read = await checkFiles(inputs, outputs, control);
  for (const target of reports) read.requireNot(target, '--report');
  for (const c of cases) {
    if (c.candidate.repro !== undefined) read.requireNoneIn(reproFolder(c, c.candidate.repro), 'repro');
  }
}

const REPORTS = ['.html', '.md'] as const;

function reportFile(folder: string, { fileName }: SuiteCase): string {
  return path.join(folder, fileName);
}

function writeReports(file: string, verdict: Verdict): void {
  writeAtomic(`${file}.html`, reportOf('html', verdict));
  writeAtomic(`${file}.md`, reportOf('markdown', verdict));
}

function junitCases({ cases: done }: SuiteReport, all: readonly SuiteCase[]): Parameters<typeof junitXml>[1] {
  return [
    ...done.map(({ name, seconds, differences, rounded, rounding, error }) => ({
      name,
      seconds,
      problems: differences,
      remarks: rounded ? [nodesRound(rounded), ...rounding] : [],
      ...(error === null ? {} : { error }),
    })),
    ...all.slice(done.length).map(({ name }) => ({ name, seconds: 0, problems: [], skipped: true })),
  ];
}
