import type { Command } from 'commander';
import { Option } from 'commander';

import { QuarrelError } from '../../../shared/base/errors';
import { parseLane } from '../../../shared/divergence/lane-spec';
import { LLAMA_OPTIONS_HELP } from '../../../shared/divergence/llama-options';
import type { Verdict } from '../../../shared/divergence/verdict';
import { findFirstBad } from '../../jobs/find-first-bad';
import { readNameMap } from '../../jobs/produce-trace';
import { stepPlan } from '../../jobs/step-plan';
import { writeAtomic } from '../../files/write-atomic';
import { reportKindOf, reportOf } from '../../reports/report';
import { writeRepro } from '../../repro/write-repro';
import { TraceFile } from '../../traces/trace-file';
import { nodeEngines } from '../engines';
import type { CheckOptions } from '../check-options';
import { checksOf, withChecks } from '../check-options';
import type { PromptOptions } from '../options';
import { parseIndex, parseNumber, promptOf, withPrompt } from '../options';
import type { RunOptions } from '../run-options';
import { accessOf, fewerSteps, limitsOf, selectionOf, withRun } from '../run-options';
import { asked, checkFiles } from '../run-files';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { verdictText } from '../text/verdict-text';
import { WriteFailures } from '../write-failures';

interface BisectOptions extends PromptOptions, RunOptions, CheckOptions {
  readonly reference: string;
  readonly candidate?: string;
  readonly expect?: string;
  readonly minLogit?: number;
  readonly map?: string;
  readonly threads?: number;
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly repro?: string;
  readonly report?: readonly string[];
  readonly effect?: boolean;
}

export function addBisect(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('bisect')
    .argument('<file>', 'model file (GGUF)')
    .description('the wizard: names the first layer, op, tensor and weight block where the candidate is wrong');
  withChecks(withRun(withPrompt(command)))
    .option('--reference <lane>', 'lane that is right', 'llama')
    .option(
      '--candidate <lane>',
      `lane under test: webgpu[@DIR], reference, llama[:device][@DIR][,OPTION=…], trace:FILE, cmd:COMMAND; ${LLAMA_OPTIONS_HELP}`,
    )
    .option('--map <file>', "JSON that translates a foreign dump's names")
    .option('--expect <token>', 'expected next token, as text or id')
    .addOption(new Option('--min-logit <x>', 'least logit of the next token').argParser(parseNumber))
    .addOption(new Option('--threads <n>', "llama.cpp's threads").argParser(parseIndex))
    .option('--repro <dir>', 'new folder for the first bad node: inputs, weights, right and wrong results')
    .option('--effect', 'follows bad nodes to the answer however long it takes (else: where that is cheap)')
    .option('--no-effect', 'does not look at what bad nodes do to the answer')
    .option('--report <file>', 'writes the verdict as .json, .md or .html; may be repeated', append)
    .option('--strict', 'rounding to a lower precision counts as a difference')
    .option('--json', 'one JSON document (quarrel.verdict/1) on stdout')
    .action(async (file: string, options: BisectOptions) => {
      exit(await bisect(file, options));
    });
}

function bisect(file: string, options: BisectOptions): Promise<ExitCode> {
  return runCommand(options, async ({ control, answer, remark }) => {
    const { reference, expect, minLogit, threads, repro, strict, report = [] } = options;
    const reports = report.map((path) => ({ path, kind: reportKindOf(path) }));
    const candidate = candidateOf(options);
    const outputs = [...report.flatMap((path) => asked('--report', path)), ...asked('--repro', repro, 'new-folder')];
    const files = options.map === undefined ? [] : [options.map];
    await checkFiles({ models: [file], lanes: [reference, candidate], files }, outputs, control);
    const failures = new WriteFailures();
    const dump = tokensOfDump(candidate);
    const plan = stepPlan(options.steps, options.stepTokens ?? dump?.steps);
    const verdict = await findFirstBad(
      {
        modelPath: file,
        prompt: promptOf(options, dump?.prompt),
        reference,
        candidate,
        ...checksOf(options),
        // Nobody said which steps: a dump that holds some of unknown tokens is asked about.
        ...(options.steps === undefined && !plan.tokens ? {} : { steps: plan.count }),
        access: accessOf(options),
        limits: limitsOf(options),
        ...(plan.tokens ? { stepTokens: plan.tokens } : {}),
        selection: selectionOf(options),
        ...(expect === undefined ? {} : { expect }),
        ...(minLogit === undefined ? {} : { minLogit }),
        ...(threads === undefined ? {} : { threads }),
        ...(strict ? { strict } : {}),
        ...(options.effect === undefined ? {} : { effect: options.effect }),
        ...(repro === undefined
          ? {}
          : { onBad: (first, found) => failures.attempt(() => writeRepro(repro, first, found)) }),
        ...(options.map === undefined ? {} : { map: readNameMap(options.map) }),
      },
      nodeEngines,
      control,
    );
    const fewer = fewerSteps(plan.count, verdict.steps.length - 1, options);
    if (fewer !== undefined) remark(fewer);
    answer(verdict, verdictText);
    for (const { path, kind } of reports) failures.attempt(() => writeAtomic(path, reportOf(kind, verdict)));
    if (repro !== undefined && !verdict.firstBad) remark('no node is bad: no repro was written');
    failures.throwFirst();
    return exitCodeOf(verdict);
  });
}

function append(file: string, files: readonly string[] = []): readonly string[] {
  return [...files, file];
}

function candidateOf({ candidate, place }: BisectOptions): string {
  if (candidate !== undefined && place !== undefined) {
    throw new QuarrelError('--candidate and --place both name the lane under test: give one');
  }
  const lane = place === undefined ? candidate : `place:${place}`;
  if (lane === undefined) throw new QuarrelError('give --candidate LANE (or --place RULES): the lane under test');
  return lane;
}

/** A dump says which tokens it was made from; --prompt, --tokens and --step-tokens may then be left out. */
function tokensOfDump(
  candidate: string,
): { readonly prompt: readonly number[]; readonly steps: readonly number[] | undefined } | undefined {
  const spec = parseLane(candidate);
  if (spec.kind !== 'trace') return undefined;
  const file = TraceFile.open(spec.path);
  file.dispose();
  const steps = file.stepTokens.flat();
  return { prompt: file.tokens, steps: steps.length > 0 ? steps : undefined };
}

function exitCodeOf(verdict: Verdict): ExitCode {
  if (verdict.verdict === 'incomparable') return EXIT.failed;
  const missed = verdict.expectation?.candidate === false || verdict.expectation?.reference === false;
  return verdict.verdict === 'clean' && !missed ? EXIT.fine : EXIT.difference;
}
