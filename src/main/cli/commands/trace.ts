import type { Command } from 'commander';
import { Option } from 'commander';

import { QuarrelError } from '../../../shared/base/errors';
import { parseLane } from '../../../shared/divergence/lane-spec';
import type { TraceFile } from '../../traces/trace-file';
import { traceLane } from '../../jobs/trace-lane';
import { nodeEngines } from '../engines';
import type { PromptOptions } from '../options';
import { parseIndex, parseLayers, promptOf, withPrompt } from '../options';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { number, table } from '../text/table';

interface TraceOptions extends PromptOptions {
  readonly lane: string;
  readonly out: string;
  readonly layers?: { readonly from: number; readonly to: number };
  readonly threads?: number;
  readonly json?: boolean;
}

export function addTrace(program: Command, exit: (code: ExitCode) => void): void {
  withPrompt(
    program
      .command('trace')
      .argument('<file>', 'model file (GGUF)')
      .description("runs a lane and writes every node's result to a trace (safetensors)"),
  )
    .option('--lane <lane>', 'llama[:device][@DIR], reference or webgpu[@DIR]', 'llama')
    .requiredOption('--out <file>', 'the trace to write')
    .addOption(new Option('--layers <a..b>', 'only these layers; stops after the last').argParser(parseLayers))
    .addOption(new Option('--threads <n>', "llama.cpp's threads").argParser(parseIndex))
    .option('--json', 'statistics and times of every node as one JSON document on stdout')
    .action(async (file: string, options: TraceOptions) => {
      exit(await trace(file, options));
    });
}

function trace(file: string, options: TraceOptions): Promise<ExitCode> {
  return runCommand(options, async ({ control, answer }) => {
    const lane = parseLane(options.lane);
    if (lane.kind === 'trace')
      throw new QuarrelError('trace: runs give llama, reference or webgpu, not a finished trace');
    const written = await traceLane(
      {
        modelPath: file,
        prompt: promptOf(options),
        lane,
        out: options.out,
        ...(options.layers === undefined ? {} : { layers: options.layers }),
        ...(options.threads === undefined ? {} : { threads: options.threads }),
      },
      nodeEngines,
      control,
    );
    try {
      answer(traceDocument(written), () => traceText(written));
    } finally {
      written.dispose();
    }
    return EXIT.fine;
  });
}

function traceDocument(t: TraceFile): unknown {
  const { stats = {}, timings = {}, notMeasured = [], provenance = {} } = t.manifest ?? {};
  const nodes = [...t.entries.values()].map(({ key, dtype, shape }) => ({
    key,
    dtype,
    shape,
    stats: stats[key] ?? null,
    microseconds: timings[key] ?? null,
  }));
  return {
    schema: 'quarrel.trace-summary/1',
    out: t.label,
    engine: t.engine,
    tokens: t.tokens,
    provenance,
    nodes,
    notMeasured,
  };
}

function traceText(t: TraceFile): string {
  const { stats = {}, timings = {}, notMeasured = [] } = t.manifest ?? {};
  const rows = [...t.entries.values()].map(({ key, shape }) => {
    const s = stats[key];
    const time = timings[key];
    return [
      key,
      shape.join('×'),
      ...(s ? [s.min, s.max, s.mean, s.std].map(number) : ['', '', '', '']),
      s && s.nan + s.inf > 0 ? `${s.nan} NaN, ${s.inf} Inf` : '',
      time === undefined ? '' : `${time.toFixed(0)} µs`,
    ];
  });
  return [
    table(['node', 'shape', 'min', 'max', 'mean', 'std', '', 'time'], rows, new Set([2, 3, 4, 5, 7])),
    ...notMeasured.map((n) => `not measured: ${n.node} (${n.reason})`),
    `${rows.length} checkpoints in ${t.label}`,
  ].join('\n');
}
