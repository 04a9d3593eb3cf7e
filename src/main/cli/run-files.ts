import fs from 'node:fs';

import { CancelledError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import type { RunOutput } from '../files/outputs';
import { checkOutputs, ReadFiles } from '../files/outputs';
import type { RunInputs } from '../files/run-inputs';
import { inputFiles, namedPaths } from '../files/run-inputs';

/** An output that may not have been asked for. */
export function asked(option: string, path: string | undefined, kind: RunOutput['kind'] = 'file'): RunOutput[] {
  return path === undefined ? [] : [{ option, path, kind }];
}

/**
 * Before a command runs: every file system that it names answers, no output is an input, every output can be written.
 * Returns the inputs, for outputs whose names show later; none where there are no outputs. Throws QuarrelError,
 * CancelledError.
 */
export async function checkFiles(
  inputs: RunInputs,
  outputs: readonly RunOutput[],
  control: JobControl,
): Promise<ReadFiles> {
  await answering([...namedPaths(inputs), ...outputs.map((output) => output.path)], control);
  const read = new ReadFiles(outputs.length > 0 ? inputFiles(inputs) : []);
  if (outputs.length > 0) checkOutputs(outputs, read);
  return read;
}

/**
 * Waits until each path was looked at, whatever was found. A file system whose server is gone lets the calls wait that
 * follow, and then no signal is heard: here it is.
 */
async function answering(paths: readonly string[], control: JobControl): Promise<void> {
  let unsubscribe: (() => void) | undefined;
  const cancelled = new Promise<never>((_resolve, reject) => {
    unsubscribe = control.onCancel(() => reject(new CancelledError()));
  });
  try {
    const looked = paths.map((path) => fs.promises.stat(path).catch(() => undefined));
    await Promise.race([Promise.all(looked), cancelled]);
  } finally {
    unsubscribe?.();
  }
}
