import type { Command } from 'commander';

import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { adapterText } from '../text/adapter-text';

interface AdapterOptions {
  readonly json?: boolean;
}

export function addAdapter(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('adapter')
    .description("the GPU adapter's fingerprint: driver, limits, features, and what its arithmetic does")
    .option('--json', 'one JSON document (quarrel.adapter/1) on stdout')
    .action(async (options: AdapterOptions) => {
      exit(await adapter(options));
    });
}

function adapter(options: AdapterOptions): Promise<ExitCode> {
  return runCommand(options, async ({ answer }) => {
    const { nodeFingerprint } = await import('../../lanes/webgpu-node');
    const print = await nodeFingerprint();
    answer(print, adapterText);
    return EXIT.fine;
  });
}
