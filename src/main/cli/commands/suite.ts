import path from 'node:path';

import type { Command } from 'commander';

import { QuarrelError } from '../../../shared/base/errors';
import { nodesRound } from '../../../shared/divergence/rounded-words';
import type { Verdict } from '../../../shared/divergence/verdict';
import { writeAtomic } from '../../files/write-atomic';
import { reportOf } from '../../reports/report';
import { runSuite } from '../../suite/run-suite';
import type { SuiteCase } from '../../suite/suite-cases';
import { casesOf, filtered } from '../../suite/suite-cases';
import { readSuite } from '../../suite/suite-file';
import type { SuiteReport, SuiteResult } from '../../suite/suite-report';
import { nodeEngines } from '../engines';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { junitXml } from '../text/junit';
import { resultLine, suiteText } from '../text/suite-text';

interface SuiteOptions {
  readonly filter?: string;
  readonly junit?: string;
  readonly report?: string;
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
    .option('--json', 'one JSON document (quarrel.suite-report/1) on stdout')
    .action(async (file: string, options: SuiteOptions) => {
      exit(await suite(file, options));
    });
}

function suite(file: string, options: SuiteOptions): Promise<ExitCode> {
  return runCommand(options, async ({ control, answer, remark }) => {
    const { filter, junit, report: folder } = options;
    const spec = readSuite(file);
    const all = casesOf(spec);
    const cases = filtered(all, filter);
    if (cases.length === 0) {
      throw new QuarrelError(
        `no case of ${file} matches ${JSON.stringify(filter)}; the first of ${all.length} is ${JSON.stringify(all[0]?.name)}`,
      );
    }
    const onResult = (result: SuiteResult, { fileName }: SuiteCase, verdict: Verdict | undefined): void => {
      remark(resultLine(result));
      if (folder !== undefined && verdict) writeReports(path.join(folder, fileName), verdict);
    };
    const report = await runSuite({ name: spec.name, file, cases, onResult }, nodeEngines, control);
    if (junit !== undefined) writeAtomic(junit, junitXml(`quarrel suite ${spec.name}`, junitCases(report)));
    answer(report, suiteText);
    if (report.errors > 0) return EXIT.failed;
    return report.failed > 0 ? EXIT.difference : EXIT.fine;
  });
}

function writeReports(file: string, verdict: Verdict): void {
  writeAtomic(`${file}.html`, reportOf('html', verdict));
  writeAtomic(`${file}.md`, reportOf('markdown', verdict));
}

function junitCases({ cases }: SuiteReport): Parameters<typeof junitXml>[1] {
  return cases.map(({ name, seconds, differences, rounded, rounding, error }) => ({
    name,
    seconds,
    problems: differences,
    remarks: rounded ? [nodesRound(rounded), ...rounding] : [],
    ...(error === null ? {} : { error }),
  }));
}
