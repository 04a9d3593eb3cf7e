import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import readline from 'node:readline';
import type { Readable } from 'node:stream';

import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import { entryPath } from '../entry-path';
import { ownWords } from '../files/own-words';
import { captureEnv } from './capture-env';
import type { ChildMessage, ChildRequest, StepOrder } from './protocol';
import { MESSAGE_FD } from './protocol';

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
  private readonly log: LogTail;
  private readonly unsubscribe: () => void;
  /** Answers that nobody has taken yet, and whoever waits for the next. */
  private readonly answers: ChildMessage[] = [];
  private wake: (() => void) | undefined;
  private ending: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | Error | undefined;
  /** The node that was running, where the child got so far. */
  private node: string | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly request: ChildRequest,
    private readonly control: JobControl,
  ) {
    this.log = new LogTail(child.stderr as Readable);
    this.unsubscribe = control.onCancel(() => {
      child.kill('SIGKILL');
    });
    const messages = readline.createInterface({ input: child.stdio[MESSAGE_FD] as Readable });
    messages.on('line', (line) => this.receive(parseMessage(line)));
    child.on('error', (e) => this.end(new QuarrelError(`cannot start the capture process: ${e.message}`)));
    child.on('close', (code, signal) => this.end({ code, signal }));
    // A child that died early closes its stdin; its exit says why, so the pipe's own error adds nothing.
    child.stdin?.on('error', () => undefined);
  }

  static start(request: ChildRequest, control: JobControl): CaptureChild {
    control.throwIfCancelled();
    const child = new CaptureChild(spawnChild(request), request, control);
    child.order(request);
    return child;
  }

  order(order: ChildRequest | StepOrder): void {
    this.child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /**
   * The answer to the order before.
   * Throws CancelledError when the control is cancelled (the child is killed), and QuarrelError, with the last lines of
   * llama.cpp's log as detail, when the child refuses, crashes, or is killed from outside.
   */
  async answer(): Promise<Answer> {
    while (this.answers.length === 0 && this.ending === undefined) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    this.control.throwIfCancelled();
    const next = this.answers.shift();
    if (next !== undefined && next.kind !== 'failed' && next.kind !== 'progress') return next;
    throw await this.failure(next);
  }

  /** Ends the child. */
  dispose(): void {
    this.unsubscribe();
    this.child.kill('SIGKILL');
  }

  private receive(message: ChildMessage | undefined): void {
    if (message === undefined) return;
    if (message.kind === 'progress') {
      this.node = message.detail;
      this.control.progress({ stage: 'capture', done: message.done, total: message.total, detail: message.detail });
      return;
    }
    this.answers.push(message);
    this.wake?.();
  }

  private end(ending: NonNullable<CaptureChild['ending']>): void {
    this.ending ??= ending;
    this.wake?.();
  }

  private async failure(last: ChildMessage | undefined): Promise<Error> {
    if (last?.kind === 'failed') {
      // Its log may still be on the way.
      if (this.ending === undefined) await once(this.child, 'close');
      return refusal(this.request, last, this.log);
    }
    const { ending } = this;
    if (ending === undefined || ending instanceof Error) return ending ?? new Error('the capture child gave no answer');
    return crash(this.request, ending, this.node, this.log);
  }
}

function spawnChild(request: ChildRequest): ChildProcess {
  const env: NodeJS.ProcessEnv = {
    ...captureEnv(request.kind === 'capture' ? request.device : 'cpu'),
    GGML_NO_BACKTRACE: '1', // an abort must not wait for a debugger to be attached
    ...(process.versions['electron'] ? { ELECTRON_RUN_AS_NODE: '1' } : {}),
  };
  delete env['NODE_OPTIONS']; // the parent's loaders and debuggers are not the child's
  return spawn(process.execPath, [entryPath('capture-child')], {
    env,
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
}

/** undefined for half a line, which a child leaves that is killed while it writes. */
function parseMessage(line: string): ChildMessage | undefined {
  try {
    return JSON.parse(line) as ChildMessage;
  } catch {
    return undefined;
  }
}

/** The newest lines of a stream. */
class LogTail {
  readonly lines: string[] = [];

  constructor(stream: Readable) {
    readline.createInterface({ input: stream }).on('line', (line) => {
      this.lines.push(line.slice(0, LINE_CHARS));
      if (this.lines.length > KEPT_LINES) this.lines.shift();
    });
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

function crash(
  request: ChildRequest,
  { code, signal }: { readonly code: number | null; readonly signal: NodeJS.Signals | null },
  node: string | undefined,
  log: LogTail,
): Error {
  const reason = log.reason();
  const where = node === undefined ? '' : ` at about ${node}`;
  const how = signal ? `was killed by ${signal}` : `ended with code ${code}`;
  const why = signal === 'SIGABRT' || code !== null ? reason : undefined;
  return new QuarrelError(
    `llama.cpp ${how} while working on ${request.modelPath}${where}${why === undefined ? '' : `: ${why}`}`,
    log.lines.join('\n'),
  );
}
