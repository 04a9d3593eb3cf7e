import { QuarrelError } from '../base/errors';
import { MAX_SHARDS } from './limits';

/** A split model's file name, taken apart. Source: `llama_split_path` (llama.cpp): `PREFIX-00001-of-00003.gguf`. */
export interface ShardName {
  /** Everything before `-00001-of-…`, folder included. */
  readonly prefix: string;
  /** 0 for `-00001-`. */
  readonly index: number;
  readonly count: number;
}

/** The parts of a shard's path; undefined for a path that does not name a shard. Throws for an impossible number. */
export function parseShardName(path: string): ShardName | undefined {
  const match = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s.exec(path);
  if (!match) return undefined;
  const [, prefix = '', number, total] = match;
  const count = Number(total);
  const index = Number(number) - 1;
  if (count === 0 || count > MAX_SHARDS || index < 0 || index >= count) {
    throw new QuarrelError(`${path}: shard ${number} of ${total}, expected 1…${Math.min(count, MAX_SHARDS)}`);
  }
  return { prefix, index, count };
}

/** Paths of all shards, first to last. */
export function shardPaths({ prefix, count }: ShardName): string[] {
  const five = (n: number): string => String(n).padStart(5, '0');
  return Array.from({ length: count }, (_, i) => `${prefix}-${five(i + 1)}-of-${five(count)}.gguf`);
}
