import { CancelledError, QuarrelError } from '../../shared/base/errors';
import { Control } from '../../shared/base/control';
import { plainJson } from '../../shared/base/plain-json';
import { laidOut, marked, printable, printableJson } from '../../shared/base/printable';
import { sweepLeftovers } from '../files/leftovers';
import { turnsByClock } from '../yield-to-events';
import { endNow } from './end-now';
import { Output } from './output';
import { ProgressLine } from './progress-line';

/** Exit codes of design.md §6. */
export const EXIT = { fine: 0, difference: 1, failed: 2 } as const;
/** By the shells' convention, 128 and the number of the signal. BREAK is Windows'; HUP is there the console's end. */
const SIGNAL_EXIT = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143, SIGBREAK: 149 } as const;
type EndSignal = keyof typeof SIGNAL_EXIT;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT] | (typeof SIGNAL_EXIT)[EndSignal];

/** How long a command may take to clean up after a signal. */
const GRACE_MS = 1000;
/** A terminal's Ctrl-C comes twice where a program in between (npm) passes it on; a person is slower. */
const SECOND_MS = 300;

/** What a command has in hand: control of the job, and the two ways to answer. */
export interface CommandContext {
  readonly control: Control;
  readonly json: boolean;
  /**
   * Prints the one JSON document, or the text, to stdout. The text is laid out from `shown`: the same document, in which
   * names cannot break lines.
   */
  readonly answer: <T>(document: T, text: (shown: T) => string) => void;
  /** A remark beside the answer; to stderr. */
  readonly remark: (line: string) => void;
}

export const output = new Output();

/** Runs one command: progress, signals, the answer, and errors as one line on stderr. Returns the exit code. */
export async function runCommand(
  options: { readonly json?: boolean | undefined },
  body: (context: CommandContext) => Promise<ExitCode>,
): Promise<ExitCode> {
  const line = new ProgressLine(output.draw, process.stderr);
  const control = new Control(line.report, turnsByClock());
  const signals = new Signals(control);
  try {
    sweepLeftovers();
    return await body({
      control,
      json: options.json === true,
      answer: (document, text) => {
        line.clear();
        const printed = options.json === true ? printableJson(plainJson(document)) : laidOut(text(marked(document)));
        output.answer(`${printed}\n`);
      },
      remark: (remark) => {
        line.clear();
        output.say(remark);
      },
    });
  } catch (e) {
    line.clear();
    return report(e, signals);
  } finally {
    signals.dispose();
  }
}

/**
 * The first signal cancels the job; a second one ends the process, and so does time where the job does not give up or
 * leaves something behind that still waits.
 */
class Signals {
  private first: { readonly signal: EndSignal; readonly at: number } | undefined;

  constructor(private readonly control: Control) {
    for (const signal of Object.keys(SIGNAL_EXIT)) process.on(signal, this.receive);
  }

  get received(): boolean {
    return this.first !== undefined;
  }

  get exitCode(): ExitCode {
    return this.first === undefined ? EXIT.failed : SIGNAL_EXIT[this.first.signal];
  }

  dispose(): void {
    for (const signal of Object.keys(SIGNAL_EXIT)) process.off(signal, this.receive);
  }

  private readonly receive = (signal: EndSignal): void => {
    if (this.first === undefined) {
      this.first = { signal, at: performance.now() };
      setTimeout(() => endNow(this.exitCode), GRACE_MS).unref();
      this.control.cancel();
    } else if (performance.now() - this.first.at > SECOND_MS) {
      endNow(this.exitCode);
    }
  };
}

/** What fails after a signal failed because of it: a Ctrl-C reaches our children, too. */
function report(e: unknown, { received, exitCode }: Signals): ExitCode {
  if (received || e instanceof CancelledError) {
    output.say('quarrel: cancelled');
    return exitCode;
  }
  sayError(e);
  return EXIT.failed;
}

/** One line on stderr; with QUARREL_DEBUG what stands behind it, too. */
export function sayError(e: unknown): void {
  const debug = process.env['QUARREL_DEBUG'] !== undefined;
  const { message, detail, hint, remark } = wordsOf(e);
  output.say(`quarrel: ${oneLine(message)}${debug || hint === undefined ? '' : hint}`);
  if (!debug && remark !== undefined) output.say(remark);
  if (debug && detail !== undefined && detail !== '') output.draw(`${detail.split('\n').map(printable).join('\n')}\n`);
}

interface ErrorWords {
  readonly message: string;
  readonly detail?: string;
  /** Behind the message, and on a line of its own. */
  readonly hint?: string;
  readonly remark?: string;
}

function wordsOf(e: unknown): ErrorWords {
  if (e instanceof QuarrelError) {
    const { message, detail = '' } = e;
    return detail === '' ? { message } : { message, detail, remark: '(QUARREL_DEBUG=1 shows what was printed last)' };
  }
  const { message, stack } = e instanceof Error ? e : new Error(String(e));
  if (isShortage(e)) return { message: `the system gives no more: ${message}`, ...(stack ? { detail: stack } : {}) };
  return {
    message: `this is a bug in Quarrel: ${message}`,
    hint: ' (QUARREL_DEBUG=1 shows where)',
    ...(stack ? { detail: stack } : {}),
  };
}

/** Files, processes, memory or disk that the system refuses: wherever that shows, it is no bug. */
function isShortage(e: unknown): boolean {
  const code = e instanceof Error && 'code' in e ? e.code : undefined;
  return ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'ENOSPC', 'EDQUOT', 'EFBIG'].some((known) => known === code);
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
