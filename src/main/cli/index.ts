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
import { endNow } from './end-now';
import type { ExitCode } from './session';
import { EXIT, output, sayError } from './session';

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
  // Until a command has answered: a process that ends early by itself has not found everything fine.
  process.exitCode = EXIT.failed;
  process.on('uncaughtException', endAfterBug);
  process.on('unhandledRejection', endAfterBug);
  let code: ExitCode = EXIT.failed;
  try {
    await buildProgram((decided) => {
      code = decided;
    }).parseAsync();
  } catch (e) {
    if (e instanceof CommanderError) code = e.exitCode === 0 ? EXIT.fine : EXIT.failed;
    else sayError(e);
  }
  const lost = await output.written();
  if (lost) output.say(`quarrel: the answer could not be written: ${lost.message}`);
  process.exitCode = lost ? EXIT.failed : code;
}

/** Node's own exit code for it would be 1, which says that a difference was found. */
function endAfterBug(e: unknown): void {
  sayError(e);
  endNow(EXIT.failed);
}

void main();
