/** Names that recur in every layer, matched as a whole: each layer votes. */
import type { TraceEntry } from '../trace';
import type { Candidate, Candidates } from './candidates';
import { isTie } from './candidates';
import { bareName } from './conventions';
import type { NamePattern } from './name-patterns';
import type { Layout } from './sketch';

/** One foreign pattern read as one pattern of nodes. */
export interface LayerMatch {
  readonly pattern: string;
  /** Pattern of the node's key. */
  readonly node: string;
  readonly layout: Layout;
  /** Graph layer less the number in the foreign name. */
  readonly shift: number;
  readonly confidence: number;
  /** Weighted mean distance, of this reading and of the next best. */
  readonly distance: number;
  readonly next: { readonly node: string; readonly layout: Layout; readonly distance: number } | undefined;
  /** Layers in which this reading is the best one. */
  readonly agreeing: number;
  readonly members: ReadonlyMap<number, { readonly entry: TraceEntry; readonly candidate: Candidate }>;
}

/**
 * An engine has one order of channels for all that is made of a projection: Q before and after RoPE, say. Where one of
 * them is sure, readings of the others in another order are none.
 */
export function inOneOrder(
  matches: readonly (readonly LayerMatch[])[],
  threshold: number,
): readonly (readonly LayerMatch[])[] {
  const orders = new Map<string, LayerMatch['layout']['channels']>();
  for (const [first] of matches) {
    if (first && first.confidence >= threshold) orders.set(bareName(first.node), first.layout.channels);
  }
  return matches.map((list) => {
    const [first] = list;
    if (!first?.next || first.confidence >= threshold) return list;
    const share = first.confidence / marginOf(first.distance, first.next.distance);
    const fitting = list.filter(({ node, layout }) => {
      const name = bareName(node);
      return !orders.has(name) || orders.get(name) === layout.channels;
    });
    const [best, ...others] = fitting;
    if (best !== first || !Number.isFinite(share)) return list;
    const next = others.find((o) => o.node !== first.node || o.layout.heads !== first.layout.heads);
    const rival = next && { node: next.node, layout: next.layout, distance: next.distance };
    return [{ ...first, next: rival, confidence: share * marginOf(first.distance, rival?.distance) }, ...others];
  });
}

type Member = readonly [n: number, entry: TraceEntry];

interface Reading {
  readonly node: string;
  readonly layout: Layout;
  readonly shift: number;
  readonly byMember: Map<number, Candidate>;
  mean: number;
}

/** A layer in which no reading fits says little; it is not left out, so that a bug in all layers still counts. */
const LEAST_WEIGHT = 0.02;

/**
 * The readings of one pattern, best first, each with its confidence: share of the layers (by weight: a layer where
 * something fits closely tells more) that agree × margin to the second best.
 * @param shift what numbering from 0 or 1 makes likely; one layer to either side is tried too
 */
export function matchLayers(
  group: NamePattern<TraceEntry>,
  candidates: Candidates,
  layers: ReadonlySet<number>,
  shift: number,
): readonly LayerMatch[] {
  const members = [...group.members].sort(([a], [b]) => a - b);
  const readings = new Map<string, Reading>();
  const weights = new Map<number, number>();
  const best = new Map<number, Candidate>();
  for (const [n, entry] of members) {
    const near = candidates.of(entry, ({ layer }) => layer !== undefined && Math.abs(layer - n - shift) <= 1);
    weights.set(n, LEAST_WEIGHT + 1 - Math.min(1, ...near.map((c) => c.raw)));
    if (near[0]) best.set(n, near[0]);
    for (const c of near) addReading(readings, c, n);
  }
  const whole = [...readings.values()].filter((r) => fits(r, members, layers));
  const total = [...weights.values()].reduce((a, b) => a + b, 0);
  for (const r of whole) r.mean = members.reduce((sum, [n]) => sum + (weights.get(n) ?? 0) * at(r, n), 0) / total;
  whole.sort((a, b) => a.mean - b.mean || Math.abs(a.shift - shift) - Math.abs(b.shift - shift));
  return whole.map((r) => {
    const agreeing = members.filter(([n]) => isBest(r, n, best.get(n)));
    const share = agreeing.reduce((sum, [n]) => sum + (weights.get(n) ?? 0), 0) / total;
    const next = whole.find((other) => other !== r && !isSame(r, other, members, candidates));
    return {
      pattern: group.pattern,
      node: r.node,
      layout: r.layout,
      shift: r.shift,
      confidence: share * marginOf(r.mean, next?.mean),
      distance: r.mean,
      next: next && { node: next.node, layout: next.layout, distance: next.mean },
      agreeing: agreeing.length,
      members: new Map(members.map(([n, entry]) => [n, { entry, candidate: r.byMember.get(n)! }])),
    };
  });
}

/**
 * What rounding alone makes of a distance: correct engines lie further apart (2e-3 between PyTorch in f16 and llama.cpp),
 * so nodes that differ by less are not told apart. Small random models have such nodes.
 */
const ROUNDING = 1e-4;

/** 1 when the second best is far behind, 0 at a tie. */
export function marginOf(best: number, second = 1): number {
  return Math.max(0, (second - best) / (second + best + 2 * ROUNDING));
}

function addReading(readings: Map<string, Reading>, c: Candidate, n: number): void {
  const { layout, target } = c;
  const shift = (target.layer ?? n) - n;
  const key = JSON.stringify([target.pattern, layout, shift]);
  const reading = readings.get(key) ?? { node: target.pattern, layout, shift, byMember: new Map(), mean: 1 };
  reading.byMember.set(n, c);
  readings.set(key, reading);
}

/** Only a reading of all members is one; of a node's first or last layer there may be none. */
function fits(r: Reading, members: readonly Member[], layers: ReadonlySet<number>): boolean {
  return r.node.includes('{N}') && members.every(([n]) => layers.has(n + r.shift) && r.byMember.has(n));
}

function at(r: Reading, n: number): number {
  return r.byMember.get(n)?.distance ?? 1;
}

function isBest(r: Reading, n: number, best: Candidate | undefined): boolean {
  const own = r.byMember.get(n);
  return own !== undefined && best !== undefined && (own.distance <= best.distance || isTie(own, best));
}

/** Readings that give the very same values everywhere are no rivals. */
function isSame(a: Reading, b: Reading, members: readonly Member[], candidates: Candidates): boolean {
  return members.every(([n]) => {
    const [x, y] = [a.byMember.get(n), b.byMember.get(n)];
    if (!x || !y || !isTie(x, y)) return false;
    return x.target === y.target || candidates.areTwins(x.target.node, y.target.node);
  });
}
