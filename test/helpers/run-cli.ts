import { spawn } from 'node:child_process';
import path from 'node:path';

import { projectRoot } from '../../src/main/entry-path';

export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line as `npm run quarrel --` does; `interrupt` sends SIGINT once stderr holds that text. */
export function runCli(args: readonly string[], options: { readonly interrupt?: string } = {}): Promise<CliRun> {
  const child = spawn(process.execPath, [path.join(projectRoot(), 'build', 'run-cli.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let { interrupt } = options;
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (interrupt === undefined || !stderr.includes(interrupt)) return;
    interrupt = undefined; // once: a second Ctrl-C ends any program at once
    child.kill('SIGINT');
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}
