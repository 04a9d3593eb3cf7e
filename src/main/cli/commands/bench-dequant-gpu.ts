import type { Command } from 'commander';

import type { DequantGpuResult } from '../../bench/dequant-gpu';
import { adapterName } from '../../../shared/gpu/adapter';
import type { GgmlTypeName } from '../../../shared/quant/ggml-type';
import { usesSoftwareGpu } from '../../gpu-device.mjs';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { bytes, table } from '../text/table';

interface DequantGpuCommand {
  readonly formats: readonly GgmlTypeName[];
  readonly rounds: number;
  readonly mib: number;
  readonly json?: boolean;
}

/** How `bench` reads its options. */
export interface BenchParsers {
  readonly formats: (text: string) => readonly GgmlTypeName[];
  readonly all: readonly GgmlTypeName[];
  readonly count: (text: string) => number;
}

/** Beyond every cache of a GPU; a software GPU would take minutes. */
const OUTPUT_MIB = { hardware: 512, software: 16 };

export function addDequantGpu(bench: Command, parse: BenchParsers, exit: (code: ExitCode) => void): void {
  const mib = usesSoftwareGpu() ? OUTPUT_MIB.software : OUTPUT_MIB.hardware;
  bench
    .command('dequant-gpu')
    .description("the WGSL decode kernel's output rate as a share of a plain copy kernel's")
    .option('--formats <list>', 'formats, as Q4_K,Q6_K', parse.formats, parse.all)
    .option('--rounds <n>', 'alternating rounds; their median counts', parse.count, 7)
    .option('--mib <n>', 'MiB of f32 that one pass writes', parse.count, mib)
    .option('--json', 'one JSON document (quarrel.bench.dequant-gpu/1) on stdout')
    .action(async (options: DequantGpuCommand) => {
      exit(await dequantGpu(options));
    });
}

function dequantGpu(options: DequantGpuCommand): Promise<ExitCode> {
  return runCommand(options, async ({ answer, control }) => {
    const { formats, rounds, mib } = options;
    const [{ benchDequantGpu }, { nodeFingerprint }] = await Promise.all([
      import('../../bench/dequant-gpu'),
      import('../../lanes/webgpu-node'),
    ]);
    const adapter = await nodeFingerprint();
    const result = await benchDequantGpu({ types: formats, rounds, outputBytes: mib * 2 ** 20 }, control);
    const date = new Date().toISOString();
    const document = { schema: 'quarrel.bench.dequant-gpu/1', date, adapter, rounds, ...result };
    answer(document, (shown) => dequantGpuText(adapterName(shown.adapter), date, rounds, shown));
    return result.rows.every(({ different }) => different === 0) ? EXIT.fine : EXIT.difference;
  });
}

function dequantGpuText(adapter: string, date: string, rounds: number, result: DequantGpuResult): string {
  const { clock, outputBytes, rows } = result;
  const timed = clock === 'device' ? "the device's timestamps" : 'wall time of submissions';
  return [
    `${adapter}; ${date}`,
    `GB/s of f32 written (10⁹ bytes), ${bytes(outputBytes)} per pass, by ${timed}. Medians of ${rounds} alternating rounds.`,
    '',
    table(
      ['format', 'decode', 'copy', 'decode/copy', 'checked', 'different'],
      rows.map(({ type, decode, copy, share, checked, different }) => [
        ...[type, decode.toFixed(2), copy.toFixed(2), share.toFixed(2)],
        ...[checked.toLocaleString('en'), String(different)],
      ]),
      new Set([1, 2, 3, 4, 5]),
    ),
  ].join('\n');
}
