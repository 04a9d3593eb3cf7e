import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { parseJson } from '../../../shared/base/json';
import type { JobControl } from '../../../shared/base/progress';
import type { WizardBench } from '../../bench/wizard/score';
import { meetsAims } from '../../bench/wizard/score';
import type { Shard } from '../../bench/wizard/wizard-bench';
import { readText } from '../../files/open-regular';
import { nodeEngines } from '../engines';
import { parseIndex } from '../options';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { resultLine, wizardBenchMarkdown, wizardBenchText } from '../text/wizard-bench-text';

const SCHEMA = 'quarrel.bench.wizard/2';

interface WizardCommand {
  readonly reduced?: boolean;
  readonly only?: string;
  readonly seed: number;
  readonly part?: 'plants' | 'controls';
  readonly vulkan?: string;
  readonly gpu: boolean;
  readonly shard?: Shard;
  readonly merge?: readonly string[];
  readonly markdown?: boolean;
  readonly json?: boolean;
}

export function addBenchWizard(bench: Command, exit: (code: ExitCode) => void): void {
  bench
    .command('wizard')
    .description('known bugs planted in turn, and candidates that are right: what the wizard finds, and what it blames')
    .option('--reduced', 'about a dozen bugs and as many right candidates')
    .option('--only <text>', 'only bugs and right candidates whose name contains this')
    .option('--seed <n>', 'of the parameters: layers, heads, rows, formats, models', parseIndex, 1)
    .addOption(new Option('--part <part>', 'only bugs, or only right candidates').choices(['plants', 'controls']))
    .option('--vulkan <dir>', 'folder of a llama.cpp build with Vulkan: three more kinds of right candidates')
    .option('--no-gpu', 'without bugs of kernels')
    .option('--shard <k/n>', 'only every n-th run, from the k-th on: for several processes', parseShard)
    .option('--merge <files...>', 'the --json documents of shards and seeds as one; runs nothing')
    .option('--markdown', 'the table of docs/benchmarks.md on stdout')
    .option('--json', 'one JSON document (quarrel.bench.wizard/2) on stdout')
    .action(async (options: WizardCommand) => {
      exit(await wizard(options));
    });
}

function wizard(options: WizardCommand): Promise<ExitCode> {
  return runCommand(options, async ({ answer, control, remark }) => {
    const bench = await (options.merge ? merged(options.merge) : measured(options, control, remark));
    answer({ schema: SCHEMA, date: new Date().toISOString(), ...bench }, (shown) =>
      options.markdown ? wizardBenchMarkdown(shown) : wizardBenchText(shown),
    );
    return meetsAims(bench.totals) ? EXIT.fine : EXIT.difference;
  });
}

async function merged(files: readonly string[]): Promise<WizardBench> {
  const { mergedBench } = await import('../../bench/wizard/wizard-bench');
  return mergedBench(files.map(readBench));
}

/** Written by `--json`: only the schema is checked. */
function readBench(file: string): WizardBench {
  const label = `the benchmark ${file}`;
  const bench: unknown = parseJson(readText(file, label), z.looseObject({ schema: z.literal(SCHEMA) }), label);
  return bench as WizardBench;
}

async function measured(
  options: WizardCommand,
  control: JobControl,
  remark: (line: string) => void,
): Promise<WizardBench> {
  const { benchWizard } = await import('../../bench/wizard/wizard-bench');
  const { seed, only, part, vulkan, shard, reduced = false } = options;
  const noGpu = options.gpu ? await whyNoGpu() : '--no-gpu';
  return benchWizard(
    {
      ...{ seed, reduced },
      ...(shard === undefined ? {} : { shard }),
      ...(only === undefined ? {} : { only }),
      ...(part === undefined ? {} : { part }),
      ...(vulkan === undefined ? {} : { vulkan }),
      ...(noGpu === undefined ? {} : { noGpu }),
    },
    nodeEngines,
    control,
    (result) => remark(resultLine(result)),
  );
}

function parseShard(text: string): Shard {
  const [, index = 0, of = 0] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (index < 1 || index > of)
    throw new InvalidArgumentError(`${JSON.stringify(text)} is no shard; K/N is the form, as 1/4`);
  return { index, of };
}

async function whyNoGpu(): Promise<string | undefined> {
  try {
    const lane = await nodeEngines.webgpuLane();
    await lane.dispose();
    return undefined;
  } catch (error) {
    return `no WebGPU here: ${(error as Error).message}`;
  }
}
