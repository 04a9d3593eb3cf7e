import type { Command } from 'commander';
import { Option } from 'commander';

import { meetsAims } from '../../bench/wizard/score';
import { nodeEngines } from '../engines';
import { parseIndex } from '../options';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { resultLine, wizardBenchMarkdown, wizardBenchText } from '../text/wizard-bench-text';

interface WizardCommand {
  readonly reduced?: boolean;
  readonly only?: string;
  readonly seed: number;
  readonly part?: 'plants' | 'controls';
  readonly vulkan?: string;
  readonly gpu: boolean;
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
    .option('--markdown', 'the table of docs/benchmarks.md on stdout')
    .option('--json', 'one JSON document (quarrel.bench.wizard/1) on stdout')
    .action(async (options: WizardCommand) => {
      exit(await wizard(options));
    });
}

function wizard(options: WizardCommand): Promise<ExitCode> {
  return runCommand(options, async ({ answer, control, remark }) => {
    const { benchWizard } = await import('../../bench/wizard/wizard-bench');
    const { seed, only, part, vulkan, reduced = false } = options;
    const noGpu = options.gpu ? await whyNoGpu() : '--no-gpu';
    const bench = await benchWizard(
      {
        ...{ seed, reduced },
        ...(only === undefined ? {} : { only }),
        ...(part === undefined ? {} : { part }),
        ...(vulkan === undefined ? {} : { vulkan }),
        ...(noGpu === undefined ? {} : { noGpu }),
      },
      nodeEngines,
      control,
      (result) => remark(resultLine(result)),
    );
    answer({ schema: 'quarrel.bench.wizard/1', date: new Date().toISOString(), ...bench }, (shown) =>
      options.markdown ? wizardBenchMarkdown(shown) : wizardBenchText(shown),
    );
    return meetsAims(bench.totals) ? EXIT.fine : EXIT.difference;
  });
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
