import { MAX_SHARDS } from './limits';

/** A split model's file name, taken apart. Source: `llama_split_path` (llama.cpp): `PREFIX-00001-of-00003.gguf`. */
export interface ShardName {
  /** Everything before `-00001-of-…`, folder included. */
  readonly prefix: string;
  /** 0 for `-00001-`. */
  readonly index: number;
  readonly count: number;
}

/** The parts of a path that looks like a shard's; undefined for one that does not. What it is `split.count` says. */
export function parseShardName(path: string): ShardName | undefined {
  const match = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s.exec(path);
  if (!match) return undefined;
  const [, prefix = '', number, total] = match;
  const count = Number(total);
  const index = Number(number) - 1;
  if (count > MAX_SHARDS || index < 0 || index >= count) return undefined;
  return { prefix, index, count };
}

/** Paths of all shards, first to last. */
export function shardPaths({ prefix, count }: ShardName): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${fiveDigits(i + 1)}-of-${fiveDigits(count)}.gguf`);
}

export function fiveDigits(n: number): string {
  return String(n).padStart(5, '0');
}
