import type { InferredEntry } from '../../../shared/trace/infer-map';
import type { MapReport } from '../../jobs/infer-names';
import { table } from './table';

const LISTED = 20;

/** The proposal as a table, then what is too doubtful to be used. */
export function mapText(r: MapReport): string {
  const mapped = r.entries.reduce((sum, e) => sum + e.names.size, 0);
  return [
    ...(r.entries.length > 0 ? [entryTable(r.entries), ''] : []),
    ...(r.doubtful.length > 0
      ? [
          `Doubtful, below ${r.threshold} and not in the map:`,
          entryTable(r.doubtful.slice(0, LISTED)),
          ...(r.doubtful.length > LISTED ? [`… and ${r.doubtful.length - LISTED} more`] : []),
          '',
        ]
      : []),
    ...(r.unknown.length > 0 ? [`no node fits: ${some(r.unknown)}`] : []),
    `${mapped} of ${r.checkpoints} checkpoints mapped with confidence ≥ ${r.threshold}`,
  ].join('\n');
}

function entryTable(entries: readonly InferredEntry[]): string {
  const rows = entries.map((e) => [e.foreign, e.node, layoutOf(e), e.confidence.toFixed(2), e.why]);
  return table(['foreign name', 'node', 'layout', 'confidence', 'why'], rows, new Set([3]));
}

function layoutOf({ channels, transpose }: InferredEntry): string {
  return [...(channels ? [channels] : []), ...(transpose ? ['transposed'] : [])].join(', ') || 'as it is';
}

function some(names: readonly string[]): string {
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return `${names.slice(0, LISTED).join(', ')}${more}`;
}
