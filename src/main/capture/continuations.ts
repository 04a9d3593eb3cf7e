import { assert } from '../../shared/base/assert';
import type { JobControl } from '../../shared/base/progress';
import { checkModelFile } from './capture';
import { runChild } from './child-runner';
import { locateLibrary } from './library-files';
import type { Continuation } from './protocol';

export type { Continuation };

/**
 * What llama.cpp says after each prompt: `count` tokens, chosen greedily, on one thread. A child process answers all
 * prompts and keeps nothing of how it came to them, so that hundreds take seconds. Throws as captureTrace.
 */
export async function continuations(
  modelPath: string,
  prompts: readonly string[],
  count: number,
  control: JobControl,
): Promise<readonly Continuation[]> {
  checkModelFile(modelPath);
  if (prompts.length === 0) return [];
  const order = { kind: 'continue' as const, library: locateLibrary(), modelPath, prompts, count, threads: 1 };
  const message = await runChild(order, control);
  assert(message.kind === 'continued', `the capture child answered ${message.kind}`);
  return message.answer;
}
