/** One run of somebody else's program, which leaves a trace. */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import type { Readable } from 'node:stream';

import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import type { ForeignCommand, ForeignRun } from '../../shared/divergence/foreign-command';
import { commandWords } from '../../shared/divergence/foreign-command';
import { onAbruptEnd } from '../ended-abruptly';

/** Bytes of its last output that are kept for an error. */
const KEPT_BYTES = 8192;

/** Milliseconds until a run is given up, unless the user says otherwise. */
export const DEFAULT_TIMEOUT_MS = 600_000;

const posix = process.platform !== 'win32';

/** How long an ended program's last output is waited for. */
const PIPES_MS = 200;

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: Error;
}

/**
 * Runs the program, without a shell, until it has written `run.out`. Throws QuarrelError, with the end of what it printed,
 * when it cannot be started, fails, takes too long or writes no trace; CancelledError when cancelled. The whole process
 * tree is gone then.
 */
export async function runForeignProgram(
  command: ForeignCommand,
  run: ForeignRun,
  control: JobControl,
  timeoutMs: number = DEFAULT_TIMEOUT_MS,
): Promise<void> {
  control.throwIfCancelled();
  const [program = '', ...words] = commandWords(command, run);
  // A group of its own, so that its children can be ended with it.
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], detached: posix, windowsHide: true });
  const minder = posix ? mindGroup(child) : undefined;
  const tail = new OutputTail(child);
  const watch = { late: false };
  const timer = setTimeout(() => {
    watch.late = true;
    endTree(child);
  }, timeoutMs);
  const unsubscribe = control.onCancel(() => endTree(child));
  const takeBack = onAbruptEnd(() => endTree(child));
  try {
    const ending = await endOf(child);
    control.throwIfCancelled();
    const why = watch.late ? `did not end within ${timeoutMs / 1000} s` : failureOf(ending);
    if (why !== undefined) throw new QuarrelError(`${program} ${why}${tail.lastLine()}`, tail.text());
    if (!fs.existsSync(run.out)) {
      throw new QuarrelError(`${program} ended well but wrote no trace to its {out}${tail.lastLine()}`, tail.text());
    }
  } finally {
    clearTimeout(timer);
    unsubscribe();
    takeBack();
    if (posix) endTree(child); // whatever it left behind
    minder?.kill('SIGKILL');
    tail.close();
  }
}

/**
 * Ends the program's group when this process is gone, however it went: nobody else would. A shell waits for the end of a
 * pipe that only we hold open.
 */
function mindGroup({ pid }: ChildProcess): ChildProcess | undefined {
  if (pid === undefined) return undefined;
  const script = 'read -r _; kill -KILL "-$1"';
  const stdio = ['pipe', 'ignore', 'ignore'] as const;
  const minder = spawn('/bin/sh', ['-c', script, 'quarrel-minder', String(pid)], { stdio: [...stdio], detached: true });
  // Without it (no shell, no more processes) the program runs all the same.
  minder.on('error', () => undefined);
  (minder as Partial<ChildProcess>).stdin?.on('error', () => undefined);
  minder.unref();
  return minder;
}

/** Its own end, not that of its pipes: a child that it left behind may hold them open. */
function endOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: null, signal: null, error }));
    child.on('close', (code, signal) => resolve({ code, signal }));
    child.on('exit', (code, signal) => {
      // What it printed last may still be on the way.
      setTimeout(() => resolve({ code, signal }), PIPES_MS);
    });
  });
}

function failureOf({ code, signal, error }: Ending): string | undefined {
  if (error) return `cannot be started: ${error.message}`;
  if (signal) return `was killed by ${signal}`;
  return code === 0 ? undefined : `ended with code ${code}`;
}

function endTree(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/pid', String(pid), '/T', '/F'], { windowsHide: true });
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** The newest bytes of both streams, as they came. */
class OutputTail {
  private kept = Buffer.alloc(0);
  private readonly streams: readonly Readable[];

  constructor({ stdout, stderr }: Partial<ChildProcess>) {
    this.streams = [stdout, stderr].flatMap((stream) => stream ?? []);
    for (const stream of this.streams) {
      stream.on('data', (bytes: Buffer) => {
        this.kept = Buffer.concat([this.kept, bytes]).subarray(-KEPT_BYTES);
      });
    }
  }

  /** A child of the program that left its group may hold the pipes open for as long as it lives. */
  close(): void {
    for (const stream of this.streams) stream.destroy();
  }

  text(): string {
    return this.kept.toString('utf8').trim();
  }

  /** `: its last line`, or nothing where it printed nothing. */
  lastLine(): string {
    const line = this.text()
      .split(/\r?\n/)
      .findLast((l) => l.trim() !== '');
    return line === undefined ? '' : `: ${line.trim().slice(0, 300)}`;
  }
}
