import type { Command } from 'commander';
import { Option } from 'commander';

import { QuarrelError } from '../../../shared/base/errors';
import { marked } from '../../../shared/base/printable';
import type { BlockInspection, BlockLane } from '../../../shared/compare/block-lanes';
import type { ProbeReport } from '../../../shared/gpu/probe-block';
import type { WeightsPart } from '../../../shared/ipc/jobs';
import type { BlockReport } from '../../../shared/quant/block-report';
import { blockAt } from '../../../shared/quant/block-report';
import { blockBytes, blockReport } from '../../files/block-report';
import type { ModelFile } from '../../files/model-file';
import { openModel } from '../../files/model-file';
import { saveWeights } from '../../files/save-weights';
import { inspectBlock } from '../../jobs/inspect-block';
import { parseVerifyLanes } from '../../verify/lanes';
import { parseElement, parseIndex } from '../options';
import { asked, checkFiles } from '../run-files';
import type { CommandContext, ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { blockLanesText } from '../text/block-lanes-text';
import { blockText } from '../text/block-text';
import { probeText } from '../text/probe-text';

interface BlockOptions {
  readonly index?: number;
  readonly at?: { readonly row: number; readonly column: number };
  readonly out?: string;
  readonly row?: boolean;
  readonly tensor?: boolean;
  /** True where the option stands alone. */
  readonly lanes?: readonly string[] | true;
  readonly probe?: boolean;
  readonly overlay?: string;
  readonly json?: boolean;
}

const DEFAULT_LANES = ['scalar', 'webgpu', 'llama'];

export function addBlock(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('block')
    .argument('<file>', 'model file (GGUF)')
    .argument('<tensor>', 'tensor, as blk.0.attn_q.weight')
    .description('one block: bytes, fields (d, dmin, scales, mins, codes), values; saves it, its row or its tensor')
    .option('--index <n>', 'index of the block within the tensor', parseIndex)
    .addOption(
      new Option('--at <row,column>', 'the block that holds this element').argParser(parseElement).conflicts('index'),
    )
    .option('--out <file>', 'saves it: .npy and .safetensors hold f32 values, .bin the encoded bytes')
    .addOption(new Option('--row', '--out saves the row that the block lies in').conflicts('tensor'))
    .option('--tensor', '--out saves the whole tensor; needs no --index')
    .addOption(
      new Option(
        '--lanes [list]',
        'decodes it on scalar, wasm, webgpu[@DIR], llama, and compares bit by bit',
      ).argParser((text: string) => text.split(',').map((part) => part.trim())),
    )
    .option('--probe', 'decodes it on the GPU too and shows what the kernel computed beside the CPU’s fields')
    .option('--overlay <dir>', 'probes the kernels of this folder, as webgpu@DIR does')
    .option('--json', 'one JSON document (quarrel.block/1; quarrel.saved/1 of rows and tensors) on stdout')
    .action(async (file: string, tensor: string, options: BlockOptions) => {
      exit(
        await runCommand(options, async (context) => {
          const { overlay, lanes = [], out } = options;
          const overlays = lanes === true ? [] : lanes.filter((lane) => lane.startsWith('webgpu@'));
          const inputs = {
            models: [file],
            lanes: [...overlays, ...(overlay === undefined ? [] : [`webgpu@${overlay}`])],
          };
          await checkFiles(inputs, asked('--out', out), context.control);
          return withModel(file, (model) => block(model, tensor, options, context));
        }),
      );
    });
}

async function withModel<T>(file: string, use: (model: ModelFile) => Promise<T>): Promise<T> {
  const model = openModel(file);
  try {
    return await use(model);
  } finally {
    model.dispose();
  }
}

async function block(
  model: ModelFile,
  tensor: string,
  options: BlockOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { out } = options;
  if (options.tensor === true) return saveLarge(model, { tensor, index: 0, part: 'tensor' }, out, context);
  const index = indexOf(model, tensor, options);
  if (options.row === true) return saveLarge(model, { tensor, index, part: 'row' }, out, context);

  const report = blockReport(model, tensor, index);
  const lanes = options.lanes && (await lanesOf(model, report, options.lanes));
  const probe = await probeOf(report, blockBytes(model, tensor, index), options);
  const kernel = options.overlay === undefined ? 'webgpu' : `webgpu@${options.overlay}`;
  context.answer({ ...report, ...lanes, ...(probe ? { probe } : {}) }, (shown) =>
    [
      blockText(shown),
      ...(lanes ? [blockLanesText(marked(lanes))] : []),
      ...(probe ? [probeText(probe, marked(kernel))] : []),
    ].join('\n\n'),
  );
  if (out !== undefined) {
    const { bytes } = await saveWeights(model, { tensor, index, part: 'block', path: out }, context.control);
    context.remark(`${bytes} bytes saved to ${out}`);
  }
  if (probe?.equal === false || lanes?.lanes.some(differs)) return EXIT.difference;
  return options.lanes === undefined ? EXIT.fine : exitOf(lanes?.lanes ?? [], options.lanes, context);
}

function indexOf(model: ModelFile, name: string, { index, at }: BlockOptions): number {
  if (index !== undefined) return index;
  if (at === undefined) throw new QuarrelError('which block? give --index N or --at ROW,COLUMN');
  return blockAt(model.requireTensor(name), at.row, at.column);
}

/** Rows and tensors are saved, not printed. */
async function saveLarge(
  model: ModelFile,
  what: { readonly tensor: string; readonly index: number; readonly part: WeightsPart },
  out: string | undefined,
  { control, answer }: CommandContext,
): Promise<ExitCode> {
  if (out === undefined) throw new QuarrelError(`where to? give --out FILE to save the ${what.part}`);
  const saved = await saveWeights(model, { ...what, path: out }, control);
  const { path, bytes, shape } = saved;
  const content = shape ? `${shape.join(' × ')} f32 values` : 'encoded bytes';
  answer({ schema: 'quarrel.saved/1', model: model.path, ...what, ...saved }, () =>
    marked(`${content}, ${bytes} bytes saved to ${path}`),
  );
  return EXIT.fine;
}

/** Dawn is loaded only when a lane asks for it. */
async function lanesOf(
  model: ModelFile,
  at: BlockReport,
  lanes: readonly string[] | true,
): Promise<Pick<BlockInspection, 'judge' | 'lanes'>> {
  const parsed = parseVerifyLanes(lanes === true ? DEFAULT_LANES : lanes);
  const inspection = await inspectBlock(model, at, parsed, async (...request) => {
    const { decodeOnNode } = await import('../../lanes/node-block');
    return decodeOnNode(...request);
  });
  return { judge: inspection.judge, lanes: inspection.lanes };
}

function differs(lane: BlockLane): boolean {
  return lane.status === 'measured' && lane.different.length > 0;
}

/** A lane that was asked for by name and decoded nothing is no pass. */
function exitOf(lanes: readonly BlockLane[], asked: readonly string[] | true, { remark }: CommandContext): ExitCode {
  const silent = lanes.flatMap((lane) => (lane.status === 'not-measured' ? [lane] : []));
  const [first] = silent;
  if (!first || (asked === true && silent.length < lanes.length)) return EXIT.fine;
  remark(`quarrel: lane ${first.lane} was not measured: ${first.reason}`);
  return EXIT.failed;
}

async function probeOf(
  { type }: BlockReport,
  bytes: Uint8Array,
  { probe, overlay }: BlockOptions,
): Promise<ProbeReport | undefined> {
  if (probe !== true && overlay === undefined) return undefined;
  const { probeOnNode } = await import('../../lanes/webgpu-node');
  return probeOnNode(type, bytes, overlay);
}
