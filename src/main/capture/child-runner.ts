import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import readline from 'node:readline';
import type { Readable } from 'node:stream';

import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import { entryPath } from '../entry-path';
import type { ChildMessage, ChildRequest } from './protocol';
import { MESSAGE_FD } from './protocol';

/** Lines of llama.cpp's log that are kept for an error. */
const KEPT_LINES = 40;
/** Longest line kept; a longer one is cut. */
const LINE_CHARS = 2000;

type Answer = Exclude<ChildMessage, { kind: 'progress' | 'failed' }>;

/**
 * Runs one order in a fresh child process and returns its answer.
 * Throws CancelledError when `control` is cancelled (the child is killed), and QuarrelError, with the last lines of
 * llama.cpp's log as detail, when the child refuses, crashes, or is killed from outside.
 */
export async function runChild(request: ChildRequest, control: JobControl): Promise<Answer> {
  control.throwIfCancelled();
  const child = spawnChild();
  const unsubscribe = control.onCancel(() => {
    child.kill('SIGKILL');
  });
  try {
    const log = new LogTail(child.stderr as Readable);
    const outcome = await converse(child, request, control);
    control.throwIfCancelled();
    if (outcome.last?.kind === 'captured' || outcome.last?.kind === 'tokenized') return outcome.last;
    throw failure(request, outcome, log);
  } finally {
    unsubscribe();
    child.kill('SIGKILL');
  }
}

interface Outcome {
  readonly last: ChildMessage | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The node that was running, where the child got so far. */
  readonly node: string | undefined;
}

function spawnChild(): ChildProcess {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
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

function converse(child: ChildProcess, request: ChildRequest, control: JobControl): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let last: ChildMessage | undefined;
    let node: string | undefined;
    const messages = readline.createInterface({ input: child.stdio[MESSAGE_FD] as Readable });
    messages.on('line', (line) => {
      last = parseMessage(line) ?? last;
      if (last?.kind !== 'progress') return;
      node = last.detail;
      control.progress({ stage: 'capture', done: last.done, total: last.total, detail: last.detail });
    });
    child.on('error', (e) => reject(new QuarrelError(`cannot start the capture process: ${e.message}`)));
    child.on('close', (code, signal) => resolve({ last, code, signal, node }));
    // A child that died early closes its stdin; its exit says why, so the pipe's own error adds nothing.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(JSON.stringify(request));
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
    for (const pattern of [/GGML_ASSERT|GGML_ABORT|fatal error/i, /error/i, /failed|invalid|unknown|unsupported/i]) {
      const line = this.lines.findLast((l) => pattern.test(l));
      if (line !== undefined) return line.trim();
    }
    return undefined;
  }
}

function failure(request: ChildRequest, outcome: Outcome, log: LogTail): Error {
  const { last, code, signal, node } = outcome;
  const reason = log.reason();
  const detail = log.lines.join('\n');
  if (last?.kind === 'failed') {
    if (last.bug) return new Error(`capture child: ${last.message}`);
    const why = reason !== undefined && /^llama\.cpp cannot/.test(last.message) ? `: ${reason}` : '';
    return new QuarrelError(last.message + why, detail);
  }
  const where = node === undefined ? '' : ` at about ${node}`;
  const how = signal ? `was killed by ${signal}` : `ended with code ${code}`;
  const why = signal === 'SIGABRT' || code !== null ? reason : undefined;
  return new QuarrelError(
    `llama.cpp ${how} while working on ${request.modelPath}${where}${why === undefined ? '' : `: ${why}`}`,
    detail,
  );
}
