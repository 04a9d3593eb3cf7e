import type { Command } from 'commander';
import { Option } from 'commander';

import type { VerifyReport } from '../../../shared/compare/decode-report';
import { DEFAULT_LANES, parseVerifyLanes } from '../../verify/lanes';
import { verifyModel } from '../../verify/verify-model';
import { parseCount } from '../options';
import { checkFiles } from '../run-files';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { verifyText } from '../text/verify-text';

interface VerifyOptions {
  readonly tensor?: string;
  readonly lanes?: readonly string[];
  readonly sample?: number;
  readonly threads?: number;
  readonly json?: boolean;
}

export function addVerify(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('verify')
    .argument('<file>', 'model file (GGUF)')
    .description(
      "decodes every block in every lane, bit by bit against llama.cpp's own decoders: mismatches, statistics, findings",
    )
    .option('--tensor <glob>', 'tensors to check, as blk.*.attn_q.weight; all by default')
    .addOption(
      new Option('--lanes <list>', 'scalar, wasm, webgpu[@DIR], llama (the judge); all by default').argParser((text) =>
        text.split(',').map((part) => part.trim()),
      ),
    )
    .addOption(
      new Option('--sample <n>', 'checks at most n runs of 256 values per tensor, evenly spread').argParser(parseCount),
    )
    .addOption(new Option('--threads <n>', 'worker threads; one per core by default').argParser(parseCount))
    .option('--json', 'one JSON document (quarrel.verify/1) on stdout')
    .action(async (file: string, options: VerifyOptions) => {
      exit(await verify(file, options));
    });
}

function verify(file: string, options: VerifyOptions): Promise<ExitCode> {
  return runCommand(options, async ({ control, answer, remark }) => {
    const { tensor, lanes, sample, threads } = options;
    await checkFiles({ models: [file] }, [], control);
    const report = await verifyModel(
      {
        modelPath: file,
        lanes: parseVerifyLanes(lanes ?? DEFAULT_LANES),
        ...(tensor === undefined ? {} : { tensors: tensor }),
        ...(sample === undefined ? {} : { sample }),
        ...(threads === undefined ? {} : { threads }),
      },
      openDevice,
      control,
    );
    answer(report, verifyText);
    const failure = unmet(report, lanes);
    if (report.totals.mismatches > 0 || report.findings.some((f) => f.severity === 'error')) return EXIT.difference;
    if (failure === undefined) return EXIT.fine;
    remark(`quarrel: ${failure}`);
    return EXIT.failed;
  });
}

/** Dawn is loaded only when a lane asks for it. */
const openDevice: Parameters<typeof verifyModel>[1] = async (overlay) => {
  const { openWebGpuDecoder } = await import('../../verify/webgpu-decoder');
  return openWebGpuDecoder(overlay);
};

/** Why the question was not answered; a lane that was asked for by name and decoded nothing is no pass. */
function unmet(report: VerifyReport, asked: readonly string[] | undefined): string | undefined {
  const silent = report.lanes.filter((lane) => lane.verdict === 'not-measured');
  if (asked === undefined && silent.length < report.lanes.length) return undefined;
  const first = silent[0];
  return first && `lane ${first.lane} was not measured: ${first.reason}`;
}
