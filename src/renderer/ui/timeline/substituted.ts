import type { LaneCheckpoint, NodeRow } from '../../../shared/compare/comparison';

/** "llama.cpp's value of X" for a checkpoint whose node ran on captured values; undefined where it ran on its lane's own. */
export function substitutedText(checkpoint: LaneCheckpoint | undefined): string | undefined {
  const keys = checkpoint?.status === 'measured' ? (checkpoint.substituted ?? []) : [];
  const last = keys.at(-1);
  if (last === undefined) return undefined;
  return keys.length === 1
    ? `llama.cpp’s value of ${last}`
    : `llama.cpp’s values of ${keys.slice(0, -1).join(', ')} and ${last}`;
}

export function anySubstituted(nodes: readonly NodeRow[]): boolean {
  return nodes.some((node) => node.lanes.some((checkpoint) => substitutedText(checkpoint) !== undefined));
}
