import type { Command } from 'commander';

import { inspectModel } from '../../files/inspect-report';
import { openModel } from '../../files/model-file';
import { checkFiles } from '../run-files';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { inspectText } from '../text/inspect-text';

export function addInspect(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('inspect')
    .argument('<file>', 'model file (GGUF)')
    .description('header, metadata, tensors, findings with byte offsets; exit 1 when a finding is an error')
    .option('--json', 'one JSON document (quarrel.inspect/1) on stdout')
    .action(async (file: string, options: { json?: boolean }) => {
      exit(
        await runCommand(options, async ({ answer, control }) => {
          await checkFiles({ models: [file] }, [], control);
          const model = openModel(file);
          try {
            const report = inspectModel(model);
            answer(report, inspectText);
            return report.findings.some((f) => f.severity === 'error') ? EXIT.difference : EXIT.fine;
          } finally {
            model.dispose();
          }
        }),
      );
    });
}
