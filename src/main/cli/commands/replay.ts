import type { Command } from 'commander';

import { replayRepro } from '../../repro/replay-repro';
import { nodeEngines } from '../engines';
import { checkFiles } from '../run-files';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { replayText } from '../text/replay-text';

interface ReplayOptions {
  readonly candidate?: string;
  readonly json?: boolean;
}

export function addReplay(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('replay')
    .argument('<dir>', 'repro folder, as bisect --repro writes it')
    .description('runs an exported repro again: exit code 1 while the candidate is wrong, 0 once it is right')
    .option('--candidate <lane>', 'lane that runs it instead: webgpu[@DIR] or reference')
    .option('--json', 'one JSON document (quarrel.replay/1) on stdout')
    .action(async (folder: string, options: ReplayOptions) => {
      exit(await replay(folder, options));
    });
}

function replay(folder: string, options: ReplayOptions): Promise<ExitCode> {
  return runCommand(options, async ({ control, answer }) => {
    const { candidate } = options;
    const lanes = candidate === undefined ? [] : [candidate];
    await checkFiles({ lanes, folders: [folder] }, [], control);
    const request = { folder, ...(candidate === undefined ? {} : { candidate }) };
    const report = await replayRepro(request, nodeEngines, control);
    answer(report, replayText);
    return report.wrong ? EXIT.difference : EXIT.fine;
  });
}
