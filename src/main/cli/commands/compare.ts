import type { Command } from 'commander';
import { Option } from 'commander';

import { COMPARE_MAX_NMSE } from '../../../shared/compare/tolerance';
import { compareTraces } from '../../jobs/compare-traces';
import type { CompareReport } from '../../jobs/compare-traces';
import { readNameMap } from '../../jobs/produce-trace';
import { parseNumber } from '../options';
import { checkFiles } from '../run-files';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { error, number, table } from '../text/table';

interface CompareOptions {
  readonly maxNmse: number;
  readonly map?: string;
  readonly json?: boolean;
}

export function addCompare(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('compare')
    .argument('<reference>', 'trace that is right')
    .argument('<candidate>', 'trace under test')
    .description('two traces, node by node: inherited errors (it blames nobody; bisect does)')
    .addOption(
      new Option('--max-nmse <x>', 'exit 1 when a node differs by more')
        .argParser(parseNumber)
        .default(COMPARE_MAX_NMSE),
    )
    .option('--map <file>', "JSON that translates the candidate's names")
    .option('--json', 'one JSON document (quarrel.compare/1) on stdout')
    .action(async (reference: string, candidate: string, options: CompareOptions) => {
      exit(await compare(reference, candidate, options));
    });
}

function compare(reference: string, candidate: string, options: CompareOptions): Promise<ExitCode> {
  return runCommand(options, async ({ control, answer }) => {
    await checkFiles(
      { files: [reference, candidate, ...(options.map === undefined ? [] : [options.map])] },
      [],
      control,
    );
    const map = options.map === undefined ? undefined : readNameMap(options.map);
    const report = await compareTraces(
      { reference, candidate, maxNmse: options.maxNmse, ...(map ? { map } : {}) },
      control,
    );
    answer(report, compareText);
    if (report.differing.length > 0) return EXIT.difference;
    return report.nanOnBoth.length > 0 ? EXIT.failed : EXIT.fine;
  });
}

function compareText(r: CompareReport): string {
  const rows = r.nodes.map(({ key, metrics: m }) => [
    key,
    error(m.nmse),
    number(m.cosine),
    error(m.maxAbs),
    `[${m.worst.index.join(', ')}]`,
    `${number(m.worst.candidate)} for ${number(m.worst.reference)}`,
  ]);
  const missing = r.notCompared.map((n) => `not compared: ${n.node} (${n.reason})`);
  return [
    table(['node', 'NMSE', 'cosine', 'max abs', 'at', 'candidate for reference'], rows, new Set([1, 2, 3])),
    ...missing.slice(0, 10),
    ...(missing.length > 10 ? [`… and ${missing.length - 10} more`] : []),
    ...(r.nanOnBoth.length > 0
      ? [
          `${r.nanOnBoth.length} nodes hold NaN on both sides, the first ${r.nanOnBoth[0] ?? ''}: neither is right there, ` +
            'and that they are alike says nothing',
        ]
      : []),
    `${r.nodes.length} nodes compared, ${r.differing.length} differ by more than ${r.maxNmse} NMSE`,
  ].join('\n');
}
