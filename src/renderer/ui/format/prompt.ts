import type { PromptSpec } from '../../../shared/ipc/jobs';
import { err, ok } from '../../../shared/base/result';
import type { Result } from '../../../shared/base/result';

export type PromptMode = 'prompt' | 'tokens';

/** Every step is a graph of its own with all its checkpoints on disk: far more than a look at decoding needs. */
export const MOST_DECODE_STEPS = 64;

/** What the prompt field says, or one line on what is wrong with it. */
export function parsePrompt(mode: PromptMode, text: string): Result<PromptSpec> {
  if (mode === 'prompt') {
    return text.length === 0 ? err('The prompt is empty.') : ok({ kind: 'prompt', text });
  }
  const parts = text.split(/[\s,]+/).filter(Boolean);
  if (parts.length === 0) return err('No token ids: write them as 1, 17, 5.');
  const wrong = parts.find((part) => !/^\d{1,9}$/.test(part));
  if (wrong !== undefined) return err(`"${wrong}" is no token id: write them as 1, 17, 5.`);
  return ok({ kind: 'tokens', tokens: parts.map(Number) });
}

/** How many decode steps the field asks for, or one line on what is wrong with it. */
export function parseSteps(text: string): Result<number> {
  const steps = /^\d{1,9}$/.test(text.trim()) ? Number(text) : undefined;
  return steps !== undefined && steps <= MOST_DECODE_STEPS
    ? ok(steps)
    : err(`Decode steps: a number from 0 to ${MOST_DECODE_STEPS} is expected.`);
}
