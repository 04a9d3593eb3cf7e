/** The command line under faults: in a world of its own, so that whatever it leaves is seen. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { projectRoot } from '../../src/main/entry-path';

export interface FaultEnd {
  /** The exit code, 128 and the signal's number where one killed it, as a shell has it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** From the start, and from the last signal that was sent to it. */
  readonly ms: number;
  readonly afterSignalMs: number;
}

export interface FaultOptions {
  /** A line for the shell before the program, as `ulimit -n 64`. */
  readonly before?: string;
  /** Redirections, as `>/dev/full`. */
  readonly redirect?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Folder for temporary files and folder for outputs, both empty at first; the owner removes it. */
export class World {
  readonly root = fs.mkdtempSync(path.join(os.tmpdir(), 'faults-'));
  readonly tmp = this.folder('tmp');
  readonly out = this.folder('out');
  private readonly id = randomUUID();

  at(name: string): string {
    return path.join(this.out, name);
  }

  folder(name: string): string {
    const folder = path.join(this.root, name);
    fs.mkdirSync(folder);
    return folder;
  }

  start(args: readonly string[], options: FaultOptions = {}): FaultRun {
    const cli = path.join(projectRoot(), 'out', 'main', 'cli.cjs');
    const { before = '', redirect = '', env } = options;
    const script = `${before}\nexec "$0" "$@" ${redirect}`;
    const child = spawn('/bin/bash', ['-c', script, process.execPath, cli, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: this.tmp, QUARREL_FAULTS: this.id, ...env },
    });
    return new FaultRun(child);
  }

  run(args: readonly string[], options: FaultOptions = {}): Promise<FaultEnd> {
    return this.start(args, options).end;
  }

  /** Files that are left in both folders, but for the outputs that are named. */
  left(...outputs: readonly string[]): readonly string[] {
    return [...fs.readdirSync(this.tmp), ...fs.readdirSync(this.out).filter((name) => !outputs.includes(name))];
  }

  /** Processes of this world that still run; [] where the system does not tell. */
  processes(): readonly { readonly pid: number; readonly command: string }[] {
    if (!fs.existsSync('/proc')) return [];
    return fs
      .readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        const isOurs = read(`/proc/${pid}/environ`).includes(`QUARREL_FAULTS=${this.id}`);
        const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ');
        return isOurs && command !== '' ? [{ pid: Number(pid), command }] : [];
      });
  }

  /** Waits until no process of this world runs any more. */
  async quiet(ms = 3000): Promise<readonly string[]> {
    for (const end = Date.now() + ms; this.processes().length > 0 && Date.now() < end;) await wait(20);
    return this.processes().map((p) => p.command);
  }

  dispose(): void {
    for (const { pid } of this.processes()) process.kill(pid, 'SIGKILL');
    fs.rmSync(this.root, { recursive: true, force: true });
  }
}

export class FaultRun {
  stderr = '';
  readonly end: Promise<FaultEnd>;
  private readonly begun = performance.now();
  private signalled = 0;

  constructor(readonly child: ChildProcess) {
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.end = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        const now = performance.now();
        const { begun, signalled } = this;
        const shown = code ?? 128 + os.constants.signals[signal ?? 'SIGKILL'];
        // What it printed last may still be on the way; a stray may hold the pipes for ever.
        setTimeout(
          () => resolve({ code: shown, stdout, stderr: this.stderr, ms: now - begun, afterSignalMs: now - signalled }),
          50,
        );
      });
    });
  }

  send(signal: NodeJS.Signals): void {
    this.signalled = performance.now();
    this.child.kill(signal);
  }

  /** Waits until stderr holds this text, or the program has ended. */
  async says(text: string): Promise<void> {
    while (!this.stderr.includes(text) && this.child.exitCode === null && this.child.signalCode === null)
      await wait(10);
  }
}

export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
