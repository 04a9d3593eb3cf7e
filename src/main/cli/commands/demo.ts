import path from 'node:path';
import type { Command } from 'commander';

import { QuarrelError } from '../../../shared/base/errors';
import type { GalleryBug } from '../../../shared/gallery/gallery';
import { parseLane } from '../../../shared/divergence/lane-spec';
import { folderBeside, lastingFolder } from '../../files/temporary';
import { readGallery } from '../../gallery/gallery';
import type { DemoReport } from '../../jobs/demo';
import { runDemo } from '../../jobs/demo';
import { putInPlace } from '../../repro/repro-folder';
import { nodeEngines } from '../engines';
import { asked, checkFiles } from '../run-files';
import type { CommandContext, ExitCode } from '../session';
import { EXIT, runCommand } from '../session';
import { demoText, galleryText } from '../text/demo-text';

interface DemoOptions {
  readonly bug?: string;
  readonly list?: boolean;
  readonly report?: string;
  readonly json?: boolean;
}

export function addDemo(program: Command, exit: (code: ExitCode) => void): void {
  program
    .command('demo')
    .description(
      'plants a bug in our kernels and finds it, on the embedded model; exit 0 where it is found as planted, 1 otherwise',
    )
    .option('--bug <id>', 'which one; the first of --list when absent')
    .option('--list', 'lists the bugs of the gallery')
    .option('--report <dir>', 'new folder for traces, report and repro; a temporary one when absent')
    .option('--json', 'one JSON document (quarrel.demo/1; quarrel.gallery/1 with --list) on stdout')
    .action(async (options: DemoOptions) => {
      exit(await demo(options));
    });
}

function demo(options: DemoOptions): Promise<ExitCode> {
  return runCommand(options, async (context) => {
    const bugs = readGallery().map(besideHere);
    if (options.list) {
      context.answer({ schema: 'quarrel.gallery/1', bugs }, (shown) => galleryText(shown.bugs));
      return EXIT.fine;
    }
    const bug = chosen(bugs, options.bug);
    const begin = performance.now();
    const report = await run(bug, options.report, context);
    const seconds = (performance.now() - begin) / 1000;
    context.answer(report, (shown) => demoText(shown, seconds));
    return report.found ? EXIT.fine : EXIT.difference;
  });
}

function chosen(bugs: readonly GalleryBug[], id: string | undefined): GalleryBug {
  const bug = id === undefined ? bugs[0] : bugs.find((b) => b.id === id);
  if (bug) return bug;
  throw new QuarrelError(`no bug ${JSON.stringify(id)} in the gallery: it has ${bugs.map((b) => b.id).join(', ')}`);
}

/** The same with a lane that can be read and typed here: its folder relative to this one, if it lies below. */
function besideHere(bug: GalleryBug): GalleryBug {
  const lane = parseLane(bug.lane);
  if (lane.kind !== 'webgpu' || lane.overlay === undefined) return bug;
  const below = path.relative(process.cwd(), lane.overlay);
  return below.startsWith('..') || path.isAbsolute(below) ? bug : { ...bug, lane: `webgpu@${below}` };
}

/** The folder takes its place once all is in it; nothing stays where the demo does not come to its end. */
async function run(bug: GalleryBug, target: string | undefined, { control }: CommandContext): Promise<DemoReport> {
  await checkFiles({}, asked('--report', target, 'new-folder'), control);
  const folder = target === undefined ? lastingFolder('quarrel-demo') : folderBeside(target);
  try {
    const report = await runDemo(bug, folder.path, target ?? folder.path, nodeEngines, control);
    if (target === undefined) folder.keep();
    else putInPlace(folder, target);
    return report;
  } catch (e) {
    folder.remove();
    throw e;
  }
}
