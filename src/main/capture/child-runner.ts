import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import { onAbruptEnd } from '../ended-abruptly';
import { ownWords } from '../files/own-words';
import type { Ending, Program } from '../processes/program';
import { endingText } from '../processes/program';
import { startProgram } from '../processes/start-program';
import { captureEnv } from './capture-env';
import type { ChildMessage, ChildRequest, StepOrder } from './protocol';

/** Lines of llama.cpp's log that are kept for an error. */
const KEPT_LINES = 40;
/** Longest line kept; a longer one is cut. */
const LINE_CHARS = 2000;

/** Lines of llama.cpp that add nothing to the one before, or to what we say ourselves. */
const SAYS_NOTHING =
  /failed to read (tensor (info|data)|key-value pairs|header|magic)$|failed to load model( from file)?$|failed to load GGUF split|: CUDA error$|error loading model:?$/;

type Answer = Exclude<ChildMessage, { kind: 'progress' | 'failed' }>;

/** Runs one order in a fresh child process and returns its answer; throws as `CaptureChild.answer` does. */
export async function runChild(request: ChildRequest, control: JobControl): Promise<Answer> {
  const child = CaptureChild.start(request, control);
  try {
    return await child.answer();
  } finally {
    child.dispose();
  }
}

/** A conversation with one child process: an order, its answer, further orders. The owner disposes it. */
export class CaptureChild {
  private readonly log = new LogTail();
  private readonly program: Program;
  private readonly unsubscribe: () => void;
  /** Answers that nobody has taken yet, and whoever waits for the next, or for the end. */
  private readonly answers: ChildMessage[] = [];
  private wake: (() => void) | undefined;
  private ending: Ending | undefined;
  /** The node that was running, where the child got so far. */
  private node: string | undefined;

  private constructor(
    private readonly request: ChildRequest,
    private readonly control: JobControl,
  ) {
    this.program = startProgram('capture-child', environment(request), {
      message: (message) => this.receive(message as ChildMessage),
      line: (line) => this.log.add(line),
      end: (ending) => {
        this.ending = ending;
        this.wake?.();
      },
    });
    const kill = (): void => this.program.kill();
    const unsubscribe = control.onCancel(kill);
    const takeBack = onAbruptEnd(kill);
    this.unsubscribe = () => {
      unsubscribe();
      takeBack();
    };
  }

  static start(request: ChildRequest, control: JobControl): CaptureChild {
    control.throwIfCancelled();
    const child = new CaptureChild(request, control);
    child.order(request);
    return child;
  }

  order(order: ChildRequest | StepOrder): void {
    this.program.post(order);
  }

  /**
   * The answer to the order before.
   * Throws CancelledError when the control is cancelled (the child is killed), and QuarrelError, with the last lines of
   * llama.cpp's log as detail, when the child refuses, crashes, or is killed from outside.
   */
  async answer(): Promise<Answer> {
    await this.until(() => this.answers.length > 0 || this.ending !== undefined);
    this.control.throwIfCancelled();
    const next = this.answers.shift();
    if (next !== undefined && next.kind !== 'failed' && next.kind !== 'progress') return next;
    throw await this.failure(next);
  }

  /** Ends the child. */
  dispose(): void {
    this.unsubscribe();
    this.program.kill();
  }

  private receive(message: ChildMessage): void {
    if (message.kind === 'progress') {
      this.node = message.detail;
      this.control.progress({ stage: 'capture', done: message.done, total: message.total, detail: message.detail });
      return;
    }
    this.answers.push(message);
    this.wake?.();
  }

  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private async failure(last: ChildMessage | undefined): Promise<Error> {
    // Its log may still be on the way; all of it is there when the end is told.
    this.program.kill();
    await this.until(() => this.ending !== undefined);
    if (last?.kind === 'failed') return refusal(this.request, last, this.log);
    const ending = this.ending ?? { kind: 'killed' };
    if (ending.kind === 'not-started') return new QuarrelError(`cannot start the capture process: ${ending.reason}`);
    return crash(this.request, ending, this.node, this.log);
  }
}

function environment(request: ChildRequest): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...captureEnv(request.kind === 'capture' ? request.device : 'cpu'),
    GGML_NO_BACKTRACE: '1', // an abort must not wait for a debugger to be attached
  };
  delete env['NODE_OPTIONS']; // the parent's loaders and debuggers are not the child's
  return env;
}

/** The newest lines of llama.cpp's log. */
class LogTail {
  readonly lines: string[] = [];

  add(line: string): void {
    this.lines.push(line.slice(0, LINE_CHARS));
    if (this.lines.length > KEPT_LINES) this.lines.shift();
  }

  /** The line that says what went wrong, if any: a failed assertion before an error before a warning. */
  reason(): string | undefined {
    const lines = this.lines.map((line) => line.trim());
    // What only says that something failed comes after the line that says what.
    const [telling, all] = [lines.filter((line) => !SAYS_NOTHING.test(line)), lines];
    for (const [from, pattern] of [
      [telling, /GGML_ASSERT|GGML_ABORT|fatal error/i],
      [telling, /error/i],
      [
        telling,
        /failed|invalid|unknown|unsupported|requires|does not|duplicate|corrupt|mismatch|exceeds|expected|is empty|too long|not a (multiple|power)|has offset/i,
      ],
      [all, /error|failed/i],
    ] as const) {
      const line = from.findLast((l) => pattern.test(l));
      if (line !== undefined) return line;
    }
    return undefined;
  }
}

function refusal(request: ChildRequest, last: Extract<ChildMessage, { kind: 'failed' }>, log: LogTail): Error {
  if (last.bug) return new Error(`capture child: ${last.message}`);
  const reason = log.reason();
  if (!/^llama\.cpp cannot/.test(last.message)) return new QuarrelError(last.message, log.lines.join('\n'));
  const own = ownWords(request.modelPath);
  const telling = own !== undefined && reason !== undefined && SAYS_NOTHING.test(reason) ? undefined : reason;
  const words = [telling, own].filter((w) => w !== undefined);
  return new QuarrelError([last.message, words.join('; ')].filter(Boolean).join(': '), log.lines.join('\n'));
}

function crash(request: ChildRequest, ending: Ending, node: string | undefined, log: LogTail): Error {
  const reason = log.reason();
  const where = node === undefined ? '' : ` at about ${node}`;
  // A kill from outside has no reason in the log.
  const outside = ending.kind === 'killed' && ending.signal !== undefined && ending.signal !== 'SIGABRT';
  const why = outside ? undefined : reason;
  return new QuarrelError(
    `llama.cpp ${endingText(ending)} while working on ${request.modelPath}${where}${why === undefined ? '' : `: ${why}`}`,
    log.lines.join('\n'),
  );
}
