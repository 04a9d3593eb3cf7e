import type { Command } from 'commander';
import { Option } from 'commander';

import { MAP_CONFIDENCE } from '../../../shared/compare/tolerance';
import { marked } from '../../../shared/base/printable';
import { nameMapJson } from '../../../shared/trace/infer-map';
import { writeAtomic } from '../../files/write-atomic';
import { mapNames } from '../../jobs/infer-names';
import type { PromptOptions } from '../options';
import { parseShare, promptOf, withPrompt } from '../options';
import { asked, checkFiles } from '../run-files';
import type { ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { mapText } from '../text/map-text';

interface MapOptions extends PromptOptions {
  readonly candidate: string;
  readonly out?: string;
  readonly minConfidence: number;
  readonly json?: boolean;
}

export function addMap(program: Command, exit: (code: ExitCode) => void): void {
  const command = program
    .command('map')
    .argument('<file>', 'model file (GGUF)')
    .description(
      "which node of the graph each name of a foreign dump means, by its values; writes a map for bisect's --map",
    )
    .requiredOption('--candidate <lane>', 'the dump: trace:FILE');
  withPrompt(command)
    .option('--out <file>', 'writes the map: JSON, to be edited')
    .addOption(
      new Option('--min-confidence <x>', 'least confidence of an entry of the map, 0 … 1')
        .argParser(parseShare)
        .default(MAP_CONFIDENCE),
    )
    .option('--json', 'one JSON document (quarrel.map/1) on stdout')
    .action(async (file: string, options: MapOptions) => {
      exit(await map(file, options));
    });
}

function map(file: string, options: MapOptions): Promise<ExitCode> {
  return runCommand(options, async ({ control, answer, remark }) => {
    const { candidate, minConfidence: threshold, out } = options;
    const given = options.prompt !== undefined || options.tokens !== undefined;
    await checkFiles({ models: [file], lanes: [candidate] }, asked('--out', out), control);
    const request = { modelPath: file, candidate, threshold, ...(given ? { prompt: promptOf(options) } : {}) };
    const report = await mapNames(request, control);
    answer(documentOf(report), () => mapText(marked(report)));
    if (out !== undefined) {
      writeAtomic(out, nameMapJson(report.entries));
      remark(`${report.entries.length} entries in ${out}`);
    }
    return report.entries.length > 0 ? EXIT.fine : EXIT.failed;
  });
}

/** Maps are objects in JSON. */
function documentOf(report: Awaited<ReturnType<typeof mapNames>>): unknown {
  const plain = (e: (typeof report.entries)[number]): unknown => ({ ...e, names: Object.fromEntries(e.names) });
  return { ...report, entries: report.entries.map(plain), doubtful: report.doubtful.map(plain) };
}
