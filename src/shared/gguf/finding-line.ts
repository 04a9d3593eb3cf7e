import type { Finding } from './findings';
import { quoted } from './text';

type Shown = Pick<Finding, 'severity' | 'message' | 'offset' | 'shard' | 'tensor'>;

/**
 * A finding in one line: where, in which file of a split model, in which tensor, what.
 * @param shards paths of the model's files
 */
export function findingLine({ severity, message, offset, shard, tensor }: Shown, shards: readonly string[]): string {
  const file = shards.length > 1 ? ` of ${fileName(shards[shard] ?? '')}` : '';
  const named = tensor === undefined || message.includes(tensor) ? '' : `tensor ${quoted(tensor)}: `;
  return `${severity} at byte ${offset}${file}: ${named}${message}`;
}

function fileName(path: string): string {
  return path.replace(/^.*[\\/]/, '');
}
