import os from 'node:os';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

import type { DequantRates, DequantRow } from '../../bench/dequant-bench';
import { benchDequant } from '../../bench/dequant-bench';
import { GgmlType } from '../../../shared/quant/ggml-type';
import type { GgmlTypeName } from '../../../shared/quant/ggml-type';
import { parseIndex } from '../options';
import { addDequantGpu } from './bench-dequant-gpu';
import { addBenchWizard } from './bench-wizard';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { table } from '../text/table';

interface DequantOptions {
  readonly formats: readonly GgmlTypeName[];
  readonly threads: number;
  readonly rounds: number;
  readonly streamMib: number;
  readonly json?: boolean;
}

/** Types without a decoder in the library: nothing to measure against. */
const WITHOUT_PEER: readonly GgmlTypeName[] = ['F32', 'F64', 'I8', 'I16', 'I32', 'I64', 'Q8_1'];
const ALL = (Object.keys(GgmlType) as GgmlTypeName[]).filter((type) => !WITHOUT_PEER.includes(type));

export function addBench(program: Command, exit: (code: ExitCode) => void): void {
  const bench = program
    .command('bench')
    .description('benchmarks, each with a ratio against a named peer in the same run');
  bench
    .command('dequant')
    .description("the WASM and the scalar decoders against the library's own, in cache and streaming")
    .option('--formats <list>', 'formats, as Q4_K,Q6_K', parseFormats, ALL)
    .option('--threads <n>', 'threads to compare with one', parseCount, os.availableParallelism())
    .option('--rounds <n>', 'alternating rounds; their median counts', parseCount, 7)
    .option('--stream-mib <n>', 'MiB of f32 that one streaming pass writes', parseCount, 256)
    .option('--json', 'one JSON document (quarrel.bench.dequant/1) on stdout')
    .action(async (options: DequantOptions) => {
      exit(await dequant(options));
    });
  addDequantGpu(bench, { formats: parseFormats, all: ALL, count: parseCount }, exit);
  addBenchWizard(bench, exit);
}

function dequant(options: DequantOptions): Promise<ExitCode> {
  return runCommand(options, async ({ answer, control }) => {
    const { formats, rounds, threads, streamMib } = options;
    const rows = await benchDequant({ types: formats, rounds, threads, streamBytes: streamMib * 2 ** 20 }, control);
    const document = {
      schema: 'quarrel.bench.dequant/1',
      date: new Date().toISOString(),
      machine: machine(),
      ...{ threads, rounds, streamMib, rows },
    };
    answer(document, dequantText);
    return EXIT.fine;
  });
}

function machine(): { cpu: string; cores: number; platform: string; runtime: string } {
  const runtime = process.versions['electron']
    ? `Electron ${process.versions['electron']}`
    : `Node ${process.versions.node}`;
  const platform = `${process.platform}-${process.arch}`;
  return { cpu: os.cpus()[0]?.model.trim() ?? 'unknown', cores: os.availableParallelism(), platform, runtime };
}

interface DequantDocument {
  readonly date: string;
  readonly machine: ReturnType<typeof machine>;
  readonly threads: number;
  readonly rounds: number;
  readonly streamMib: number;
  readonly rows: readonly DequantRow[];
}

function dequantText({ date, machine: m, rounds, rows, streamMib, threads }: DequantDocument): string {
  const section = (title: string, of: (row: DequantRow) => DequantRates): string => {
    const head = [
      'format',
      'C',
      'WASM',
      'scalar',
      'WASM/C',
      'scalar/C',
      `${threads} threads`,
      `${threads}/1`,
      'others %',
    ];
    const cells = rows.map((row) => {
      const r = of(row);
      const figures = [r.c, r.wasm, r.scalar, r.wasmToC, r.scalarToC, r.threads, r.threadsToOne];
      return [row.type, ...figures.map((x) => x.toFixed(2)), (100 * row.others).toFixed(0)];
    });
    return `${title}\n${table(head, cells, new Set([1, 2, 3, 4, 5, 6, 7, 8]))}`;
  };
  return [
    `${m.cpu}, ${m.cores} cores, ${m.platform}, ${m.runtime}; ${date}`,
    `GB/s of f32 written (10⁹ bytes). C: dequantize_row_* of libggml-base, one thread. Medians of ${rounds} alternating rounds.`,
    'others %: what others took of the machine; threads against one mean little where that is more than a few.',
    '',
    section('in cache: 256 KiB of values', (row) => row.cache),
    '',
    section(`streaming: ${streamMib} MiB of values from a mapped file`, (row) => row.stream),
  ].join('\n');
}

function parseFormats(text: string): GgmlTypeName[] {
  return text.split(',').map((part) => {
    const type = ALL.find((name) => name === part.trim());
    if (type === undefined) throw new InvalidArgumentError(`${JSON.stringify(part)} is none of ${ALL.join(', ')}`);
    return type;
  });
}

function parseCount(text: string): number {
  const count = parseIndex(text);
  if (count === 0) throw new InvalidArgumentError('at least 1 is expected');
  return count;
}
