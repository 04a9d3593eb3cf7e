import type { NodeRow } from '../../../shared/compare/comparison';

/** A stretch of the forward pass: one layer, or what comes before the first and after the last. */
export interface TimelineGroup {
  readonly kind: 'input' | 'layer' | 'output';
  /** The N of `name-N` nodes; undefined outside layers. */
  readonly layer: number | undefined;
  /** First node and the one after the last. */
  readonly start: number;
  readonly end: number;
}

/** Where each node lies on the horizontal axis, in units of 0 … 1. */
export interface TimelineLayout {
  /** nodes + 1 edges, rising from 0 to 1. */
  readonly edges: Float64Array;
  readonly groups: readonly TimelineGroup[];
}

/** What the width of a node means: all equal, or its share of one lane's time. */
export type WidthMode = { readonly kind: 'equal' } | { readonly kind: 'time'; readonly lane: number };

/** Nodes that took next to no time keep this share of the mean width: they must stay visible and selectable. */
const LEAST_SHARE = 0.04;

export function layoutTimeline(nodes: readonly NodeRow[], mode: WidthMode): TimelineLayout {
  const widths = mode.kind === 'equal' ? nodes.map(() => 1) : timeWidths(nodes, mode.lane);
  const edges = new Float64Array(nodes.length + 1);
  for (let i = 0; i < nodes.length; i++) edges[i + 1] = edges[i]! + widths[i]!;
  const total = edges[nodes.length]!;
  if (total > 0) for (let i = 1; i < edges.length; i++) edges[i] = edges[i]! / total;
  return { edges, groups: groupNodes(nodes) };
}

function timeWidths(nodes: readonly NodeRow[], lane: number): number[] {
  const times = nodes.map((node) => {
    const checkpoint = node.lanes[lane];
    return checkpoint?.status === 'measured' ? (checkpoint.microseconds ?? 0) : 0;
  });
  const mean = times.reduce((sum, t) => sum + t, 0) / Math.max(1, times.length);
  if (mean === 0) return nodes.map(() => 1);
  return times.map((t) => Math.max(t, mean * LEAST_SHARE));
}

/** Unnamed nodes between two layers belong to the one before them. */
export function groupNodes(nodes: readonly NodeRow[]): readonly TimelineGroup[] {
  const last = nodes.findLastIndex((node) => node.layer !== undefined);
  const groups: TimelineGroup[] = [];
  let layer: number | undefined;
  nodes.forEach((node, i) => {
    layer = i > last ? undefined : (node.layer ?? layer);
    const kind = layer !== undefined ? 'layer' : i > last && last >= 0 ? 'output' : 'input';
    const open = groups.at(-1);
    if (open?.kind === kind && open.layer === layer) groups[groups.length - 1] = { ...open, end: i + 1 };
    else groups.push({ kind, layer, start: i, end: i + 1 });
  });
  return groups;
}

export function groupLabel(group: Pick<TimelineGroup, 'kind' | 'layer'>): string {
  return group.kind === 'layer' ? `Layer ${group.layer}` : group.kind === 'input' ? 'Input' : 'Output';
}

/** The group that holds node `index`; -1 for none. */
export function groupIndexOf(groups: readonly TimelineGroup[], index: number): number {
  return groups.findIndex((g) => index >= g.start && index < g.end);
}

/** The node at position `x` (0 … 1); undefined outside. */
export function nodeAt({ edges }: TimelineLayout, x: number): number | undefined {
  if (edges.length < 2 || !(x >= 0) || x > 1) return undefined;
  let low = 0;
  let high = edges.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (edges[middle]! <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}
