import readline from 'node:readline/promises';

import { CancelledError, QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import { output } from './session';

/**
 * Lists what a file would do and asks whether it may; without a terminal nobody can be asked. Throws QuarrelError where it
 * may not.
 */
export async function askTrust(file: string, needs: readonly string[], control: JobControl): Promise<void> {
  output.say(`${file}:`);
  for (const need of needs) output.say(`  ${need}`);
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new QuarrelError(`${file} asks for what is listed above; --trust allows it`);
  }
  if (!(await saysYes('Allow it? [y/N] ', control))) throw new QuarrelError(`${file} was not allowed to`);
}

async function saysYes(question: string, control: JobControl): Promise<boolean> {
  const abort = new AbortController();
  const unsubscribe = control.onCancel(() => abort.abort());
  // Not in raw mode, where Ctrl-C would be no signal.
  const terminal = readline.createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    return /^y(es)?$/i.test((await terminal.question(question, { signal: abort.signal })).trim());
  } catch (e) {
    if (abort.signal.aborted) throw new CancelledError();
    throw e;
  } finally {
    unsubscribe();
    terminal.close();
  }
}
