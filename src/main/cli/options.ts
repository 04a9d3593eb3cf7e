import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';

import { QuarrelError } from '../../shared/base/errors';
import type { PromptSpec } from '../../shared/ipc/jobs';

export interface PromptOptions {
  readonly prompt?: string;
  readonly tokens?: readonly number[];
}

/** `1,17,5` as token ids. */
export function parseTokens(text: string): number[] {
  const ids = text.split(',').map((part) => part.trim());
  const bad = ids.find((id) => !/^\d+$/.test(id));
  if (bad !== undefined) throw new InvalidArgumentError(`${JSON.stringify(bad)} is no token id; 1,17,5 is the form`);
  return ids.map(Number);
}

/** `3..5` or `3`: layers, both ends included. */
export function parseLayers(text: string): { from: number; to: number } {
  const m = /^(\d+)(?:\.\.(\d+))?$/.exec(text);
  const from = Number(m?.[1]);
  const to = Number(m?.[2] ?? m?.[1]);
  if (!m || to < from) throw new InvalidArgumentError(`${JSON.stringify(text)}: 0..3 or 0 is the form`);
  return { from, to };
}

export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new InvalidArgumentError(`${JSON.stringify(text)} is no number`);
  return value;
}

/** `0.6`: from 0 to 1. */
export function parseShare(text: string): number {
  const value = parseNumber(text);
  if (value < 0 || value > 1) throw new InvalidArgumentError(`${text}: a number from 0 to 1 is expected`);
  return value;
}

export function parseIndex(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError(`${JSON.stringify(text)} is no index; a whole number from 0 is expected`);
  }
  return value;
}

/** `5,293`: row (over all higher dimensions) and column of an element. */
export function parseElement(text: string): { row: number; column: number } {
  const m = /^(\d+),(\d+)$/.exec(text);
  if (!m) throw new InvalidArgumentError(`${JSON.stringify(text)} is no element; ROW,COLUMN is the form, as 5,293`);
  return { row: parseIndex(m[1]!), column: parseIndex(m[2]!) };
}

export function parseCount(text: string): number {
  if (parseIndex(text) === 0) throw new InvalidArgumentError('0 is no count; a whole number from 1 is expected');
  return Number(text);
}

export function withPrompt(command: Command): Command {
  return command
    .addOption(new Option('--prompt <text>', "text, tokenized by the model's own tokenizer").conflicts('tokens'))
    .addOption(new Option('--tokens <ids>', 'token ids, as 1,17,5').argParser(parseTokens));
}

/** The prompt of the options; `fallback` (a dump's own tokens) serves where none is given. */
export function promptOf(options: PromptOptions, fallback?: readonly number[]): PromptSpec {
  if (options.prompt !== undefined) return { kind: 'prompt', text: options.prompt };
  const tokens = options.tokens ?? fallback;
  if (tokens && tokens.length > 0) return { kind: 'tokens', tokens };
  throw new QuarrelError('give --prompt TEXT or --tokens 1,2,3');
}
