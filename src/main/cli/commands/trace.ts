import type { Command } from 'commander';
import { Option } from 'commander';

import { QuarrelError } from '../../../shared/base/errors';
import { plainJson } from '../../../shared/base/plain-json';
import { marked } from '../../../shared/base/printable';
import type { LaneSpec } from '../../../shared/divergence/lane-spec';
import { parseLane } from '../../../shared/divergence/lane-spec';
import { LLAMA_OPTIONS_HELP } from '../../../shared/divergence/llama-options';
import { writeAtomic } from '../../files/write-atomic';
import { perfettoTrace } from '../../reports/perfetto';
import { timesOfTrace } from '../../reports/trace-times';
import { substitutedReads } from '../../traces/substituted';
import type { TraceFile } from '../../traces/trace-file';
import { stepPlan } from '../../jobs/step-plan';
import { traceLane } from '../../jobs/trace-lane';
import { nodeEngines } from '../engines';
import type { PromptOptions } from '../options';
import { parseIndex, promptOf, withPrompt } from '../options';
import type { RunOptions } from '../run-options';
import { accessOf, fewerSteps, limitsOf, selectionOf, withRun } from '../run-options';
import { asked, checkFiles } from '../run-files';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { number, table } from '../text/table';

interface TraceOptions extends PromptOptions, RunOptions {
  readonly lane: string;
  readonly out: string;
  readonly threads?: number;
  readonly json?: boolean;
  readonly perfetto?: string;
}

export function addTrace(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('trace')
    .argument('<file>', 'model file (GGUF)')
    .description("runs a lane and writes every node's result to a trace (safetensors)");
  withRun(withPrompt(command))
    .option(
      '--lane <lane>',
      `llama[:device][@DIR][,OPTION=…], reference or webgpu[@DIR]; ${LLAMA_OPTIONS_HELP}`,
      'llama',
    )
    .requiredOption('--out <file>', 'the trace to write')
    .addOption(new Option('--threads <n>', "llama.cpp's threads").argParser(parseIndex))
    .option('--perfetto <file>', 'writes the times of the nodes as Chrome trace JSON, for ui.perfetto.dev')
    .option('--json', 'statistics and times of every node as one JSON document on stdout')
    .action(async (file: string, options: TraceOptions) => {
      exit(await trace(file, options, command.getOptionValueSource('lane') === 'cli'));
    });
}

function trace(file: string, options: TraceOptions, laneGiven: boolean): Promise<ExitCode> {
  return runCommand(options, async ({ control, answer, remark }) => {
    if (laneGiven && options.place !== undefined) {
      throw new QuarrelError('--lane and --place both name the lane: give one');
    }
    const steps = stepPlan(options.steps, options.stepTokens);
    const laneText = options.place === undefined ? options.lane : `place:${options.place}`;
    const lane = parseLane(laneText);
    if (lane.kind === 'trace' || lane.kind === 'cmd') {
      throw new QuarrelError(
        'trace runs llama, reference or webgpu; a finished trace or a foreign program is there already',
      );
    }
    checkLlama(lane, options);
    const outputs = [...asked('--out', options.out), ...asked('--perfetto', options.perfetto)];
    await checkFiles({ models: [file], lanes: [laneText] }, outputs, control);
    const written = await traceLane(
      {
        modelPath: file,
        prompt: promptOf(options),
        lane,
        out: options.out,
        steps,
        access: accessOf(options),
        limits: limitsOf(options),
        ...selectionOf(options),
        ...(options.place === undefined ? {} : { place: options.place }),
        ...(options.threads === undefined ? {} : { threads: options.threads }),
      },
      nodeEngines,
      control,
    );
    const fewer = fewerSteps(steps.count, written.stepTokens.length, options);
    if (fewer !== undefined) remark(fewer);
    try {
      answer(traceDocument(written), () => traceText(marked(factsOf(written))));
      if (options.perfetto !== undefined) writePerfetto(options.perfetto, written);
    } finally {
      written.dispose();
    }
    return EXIT.fine;
  });
}

function writePerfetto(path: string, trace: TraceFile): void {
  const lanes = timesOfTrace(trace);
  if (lanes.length === 0) throw new QuarrelError(`${trace.label} holds no times: --perfetto has nothing to show`);
  writeAtomic(path, `${plainJson(perfettoTrace(lanes, trace.manifest?.model ?? ''), 0)}\n`);
}

/** llama.cpp runs the file as it is. */
function checkLlama(lane: LaneSpec, { stopAfter, weights, memoryBudget }: TraceOptions): void {
  if (lane.kind !== 'llama') return;
  const given = [
    stopAfter === undefined ? '' : '--stop-after',
    weights === 'as-is' ? '' : '--weights',
    memoryBudget === undefined ? '' : '--memory-budget',
  ].filter(Boolean);
  if (given.length > 0)
    throw new QuarrelError(`${given.join(', ')}: for reference and webgpu; llama.cpp runs the file as it is`);
}

function traceDocument(t: TraceFile): unknown {
  const { stats = {}, timings = {}, notMeasured = [], provenance = {} } = t.manifest ?? {};
  const substituted = substitutedReads(t);
  const nodes = [...t.entries.values()].map(({ key, dtype, shape }) => ({
    key,
    dtype,
    shape,
    stats: stats[key] ?? null,
    microseconds: timings[key] ?? null,
    ...(substituted.has(key) ? { substituted: substituted.get(key) } : {}),
  }));
  return {
    schema: 'quarrel.trace-summary/1',
    out: t.label,
    engine: t.engine,
    tokens: t.tokens,
    steps: t.stepTokens,
    provenance,
    nodes,
    notMeasured,
  };
}

function factsOf(t: TraceFile): TraceFacts {
  const { label, stepTokens, manifest } = t;
  return { label, stepTokens, manifest, entries: [...t.entries.values()], substituted: substitutedReads(t) };
}

type TraceFacts = Pick<TraceFile, 'label' | 'stepTokens' | 'manifest'> & {
  readonly entries: readonly { readonly key: string; readonly shape: readonly number[] }[];
  readonly substituted: ReturnType<typeof substitutedReads>;
};

function traceText(t: TraceFacts): string {
  const { stats = {}, timings = {}, notMeasured = [] } = t.manifest ?? {};
  const { substituted } = t;
  const rows = t.entries.map(({ key, shape }) => {
    const s = stats[key];
    const time = timings[key];
    return [
      key,
      shape.join('×'),
      ...(s ? [s.min, s.max, s.mean, s.std].map(number) : ['', '', '', '']),
      s && s.nan + s.inf > 0 ? `${s.nan} NaN, ${s.inf} Inf` : '',
      time === undefined ? '' : `${time.toFixed(0)} µs`,
      substituted.has(key) ? `on llama.cpp's ${substituted.get(key)?.join(', ')}` : '',
    ];
  });
  return [
    table(['node', 'shape', 'min', 'max', 'mean', 'std', '', 'time', ''], rows, new Set([2, 3, 4, 5, 7])),
    ...notMeasured.map((n) => `not measured: ${n.node} (${n.reason})`),
    ...generated(t),
    `${rows.length} checkpoints in ${t.label}`,
  ].join('\n');
}

/** The tokens of the decode steps, as text where the trace has it. */
function generated(t: TraceFacts): string[] {
  if (t.stepTokens.length === 0) return [];
  const pieces = (t.manifest?.steps ?? []).flatMap((step) => step.pieces ?? []);
  const text = pieces.length > 0 ? `: ${JSON.stringify(pieces.join(''))}` : '';
  return [`steps: ${t.stepTokens.flat().join(',')}${text}`];
}
