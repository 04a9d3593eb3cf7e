import { Command, CommanderError } from 'commander';

import { addAdapter } from './commands/adapter';
import { addBench } from './commands/bench';
import { addBisect } from './commands/bisect';
import { addBlock } from './commands/block';
import { addCompare } from './commands/compare';
import { addConformance } from './commands/conformance';
import { addDemo } from './commands/demo';
import { addInspect } from './commands/inspect';
import { addMap } from './commands/map';
import { addReplay } from './commands/replay';
import { addSuite } from './commands/suite';
import { addTrace } from './commands/trace';
import { addVerify } from './commands/verify';
import { EXIT } from './session';
import type { ExitCode } from './session';

/** `quarrel`: the command line of design.md §6. */
function buildProgram(exit: (code: ExitCode) => void): Command {
  const program = new Command('quarrel')
    .description('Finds the first bad layer of an inference engine, with llama.cpp as the judge.')
    .showHelpAfterError('(quarrel --help shows how)')
    .exitOverride();
  const commands = [
    addDemo,
    addInspect,
    addBlock,
    addVerify,
    addTrace,
    addCompare,
    addBisect,
    addReplay,
    addMap,
    addSuite,
    addConformance,
    addAdapter,
    addBench,
  ];
  for (const add of commands) add(program, exit);
  for (const command of program.commands) command.exitOverride();
  return program;
}

async function main(): Promise<void> {
  // `quarrel … | head` closes our stdout: that is no failure of ours.
  process.stdout.on('error', (e: NodeJS.ErrnoException) => {
    if (e.code !== 'EPIPE') throw e;
    process.exit(EXIT.fine);
  });
  try {
    await buildProgram((code) => {
      process.exitCode = code;
    }).parseAsync();
  } catch (e) {
    if (!(e instanceof CommanderError)) throw e;
    process.exitCode = e.exitCode === 0 ? EXIT.fine : EXIT.failed;
  }
}

void main();
