import path from 'node:path';

import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';

import type { ConformanceLane, ConformanceReport, ModelConformance } from '../../../shared/divergence/conformance';
import { CONFORMANCE_LANES, conformanceReport } from '../../../shared/divergence/conformance';
import { writeAtomic } from '../../files/write-atomic';
import { conformance } from '../../jobs/conformance';
import { stepPlan } from '../../jobs/step-plan';
import { nodeEngines } from '../engines';
import { parseTokens } from '../options';
import { withSteps } from '../run-options';
import { asked, checkFiles } from '../run-files';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { conformanceText, modelLine } from '../text/conformance-text';
import { junitXml } from '../text/junit';
import { WriteFailures } from '../write-failures';

interface ConformanceOptions {
  readonly models: string;
  readonly tokens: readonly number[];
  readonly steps?: number;
  readonly stepTokens?: readonly number[];
  readonly lanes: readonly ConformanceLane[];
  readonly junit?: string;
  readonly json?: boolean;
}

/** Small ids, which every vocabulary has. */
const DEFAULT_TOKENS = [1, 17, 5, 99, 42, 7];

export function addConformance(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('conformance')
    .description('every model of a folder, on every lane, node by node against llama.cpp')
    .requiredOption('--models <dir>', 'folder of model files (GGUF)')
    .addOption(
      new Option('--tokens <ids>', 'token ids of the prompt')
        .argParser(parseTokens)
        .default(DEFAULT_TOKENS, DEFAULT_TOKENS.join()),
    );
  withSteps(command)
    .addOption(
      new Option('--lanes <lanes>', 'which lanes run')
        .argParser(parseLanes)
        .default(CONFORMANCE_LANES, CONFORMANCE_LANES.join()),
    )
    .option('--junit <file>', 'writes a JUnit XML report too')
    .option('--json', 'one JSON document (quarrel.conformance/1) on stdout')
    .action(async (options: ConformanceOptions) => {
      exit(await check(options));
    });
}

function parseLanes(text: string): readonly ConformanceLane[] {
  const lanes = text.split(',').map((lane) => lane.trim());
  const unknown = lanes.find((lane) => !(CONFORMANCE_LANES as readonly string[]).includes(lane));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`${JSON.stringify(unknown)} is no lane: ${CONFORMANCE_LANES.join(', ')}`);
  }
  return CONFORMANCE_LANES.filter((lane) => lanes.includes(lane));
}

function check(options: ConformanceOptions): Promise<ExitCode> {
  return runCommand(options, async ({ control, answer, remark }) => {
    const { models, tokens, lanes, junit } = options;
    const plan = stepPlan(options.steps, options.stepTokens);
    await checkFiles({ folders: [models] }, asked('--junit', junit), control);
    const done: ModelConformance[] = [];
    const failures = new WriteFailures();
    const tell = (report: ConformanceReport): void => {
      answer(report, conformanceText);
      if (junit === undefined) return;
      failures.attempt(() => writeAtomic(junit, junitXml('quarrel conformance', cases(report.models))));
    };
    const unsubscribe = control.onCancel(() => tell(conformanceReport(done)));
    const report = await conformance({ models, tokens, plan, lanes }, nodeEngines, control, (m) => {
      done.push(m);
      remark(modelLine(m));
    });
    unsubscribe();
    tell(report);
    failures.throwFirst();
    return report.failed === 0 ? EXIT.fine : EXIT.difference;
  });
}

function cases(models: readonly ModelConformance[]): Parameters<typeof junitXml>[1] {
  return models.map(({ file, seconds, problems }) => ({ name: path.basename(file), seconds, problems }));
}
