import { CancelledError, QuarrelError } from '../../shared/base/errors';
import { Control } from '../../shared/base/control';
import { plainJson } from '../../shared/base/plain-json';
import { turnsByClock } from '../yield-to-events';
import { ProgressLine } from './progress-line';

/** Exit codes of design.md §6; 130 is the shell's for Ctrl-C. */
export const EXIT = { fine: 0, difference: 1, failed: 2, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a command has in hand: control of the job, and the two ways to answer. */
export interface CommandContext {
  readonly control: Control;
  readonly json: boolean;
  /** Prints the one JSON document, or the text; to stdout. */
  readonly answer: (document: unknown, text: () => string) => void;
  /** A remark beside the answer; to stderr. */
  readonly remark: (line: string) => void;
}

/** Runs one command: progress, Ctrl-C, the answer, and errors as one line on stderr. Returns the exit code. */
export async function runCommand(
  options: { readonly json?: boolean | undefined },
  body: (context: CommandContext) => Promise<ExitCode>,
): Promise<ExitCode> {
  const line = new ProgressLine(process.stderr);
  const control = new Control(line.report, turnsByClock());
  const interrupt = (): void => control.cancel();
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await body({
      control,
      json: options.json === true,
      answer: (document, text) => {
        line.clear();
        process.stdout.write(options.json === true ? `${plainJson(document)}\n` : `${text()}\n`);
      },
      remark: (remark) => {
        line.clear();
        process.stderr.write(`${remark}\n`);
      },
    });
  } catch (e) {
    line.clear();
    return report(e);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function report(e: unknown): ExitCode {
  if (e instanceof CancelledError) {
    process.stderr.write('quarrel: cancelled\n');
    return EXIT.interrupted;
  }
  const debug = process.env['QUARREL_DEBUG'] !== undefined;
  if (e instanceof QuarrelError) {
    process.stderr.write(`quarrel: ${oneLine(e.message)}\n`);
    if (debug && e.detail !== undefined) process.stderr.write(`${e.detail}\n`);
    else if (e.detail !== undefined) process.stderr.write('(QUARREL_DEBUG=1 shows what llama.cpp printed)\n');
    return EXIT.failed;
  }
  const text = e instanceof Error ? e.message : String(e);
  process.stderr.write(`quarrel: this is a bug in Quarrel: ${oneLine(text)} (QUARREL_DEBUG=1 shows where)\n`);
  if (debug && e instanceof Error) process.stderr.write(`${e.stack ?? ''}\n`);
  return EXIT.failed;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
