import type { Command } from 'commander';

import { writeAtomic } from '../../files/write-atomic';
import { blockBytes, blockReport } from '../../files/block-report';
import { openModel } from '../../files/model-file';
import { parseIndex } from '../options';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { blockText } from '../text/block-text';

interface BlockOptions {
  readonly index: number;
  readonly out?: string;
  readonly json?: boolean;
}

export function addBlock(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('block')
    .argument('<file>', 'model file (GGUF)')
    .argument('<tensor>', 'tensor, as blk.0.attn_q.weight')
    .description('one block: bytes, fields (d, dmin, scales, mins, codes), values')
    .requiredOption('--index <n>', 'index of the block within the tensor', parseIndex)
    .option('--out <file>', "saves the block's bytes")
    .option('--json', 'one JSON document (quarrel.block/1) on stdout')
    .action(async (file: string, tensor: string, options: BlockOptions) => {
      exit(await block(file, tensor, options));
    });
}

function block(file: string, tensor: string, options: BlockOptions): Promise<ExitCode> {
  return runCommand(options, async ({ answer, remark }) => {
    const model = openModel(file);
    try {
      const report = blockReport(model, tensor, options.index);
      if (options.out !== undefined) {
        writeAtomic(options.out, blockBytes(model, tensor, options.index));
        remark(`${report.blockBytes} bytes saved to ${options.out}`);
      }
      answer(report, () => blockText(report));
      return EXIT.fine;
    } finally {
      model.dispose();
    }
  });
}
