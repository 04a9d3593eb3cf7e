/** Checkpoints whose names show no layers, matched one by one; their order helps where it is the graph's. */
import type { TraceEntry } from '../trace';
import type { Candidate, Candidates, Target } from './candidates';
import { isTie } from './candidates';
import { marginOf } from './match-layers';

export interface SingleMatch {
  readonly entry: TraceEntry;
  readonly candidate: Candidate;
  readonly next: Candidate | undefined;
  readonly confidence: number;
}

/** Candidates kept per checkpoint. */
const KEPT = 24;
/** From this share of confident matches on that stand in the graph's order, the order is taken as evidence. */
const ORDERED = 0.9;
/** Fewer confident matches show no order. */
const LEAST_ORDERED = 4;

/** A checkpoint and what it may be, nearest first. */
export interface Single {
  readonly entry: TraceEntry;
  readonly candidates: readonly Candidate[];
}

export function singleOf(entry: TraceEntry, candidates: Candidates): Single {
  return { entry, candidates: candidates.of(entry, () => true).slice(0, KEPT) };
}

/**
 * Checkpoints that have the very bits of a node: those are that node, whatever else comes near it. Of several with the
 * same bits the first that a name speaks for, else the first.
 * @param taken nodes that other names have; those assigned here are added
 */
export function provenSingles(
  singles: readonly Single[],
  candidates: Candidates,
  taken: Set<Target>,
): ReadonlyMap<TraceEntry, SingleMatch> {
  const equal = singles.flatMap(({ entry, candidates: list }) => {
    const [nearest] = list;
    const ties = list.filter((c) => isTie(c, nearest ?? c) && c.raw < EQUAL && candidates.isEqual(entry, c));
    return ties.length > 0 ? [{ entry, ties, list }] : [];
  });
  equal.sort((a, b) => (a.ties[0]?.distance ?? 1) - (b.ties[0]?.distance ?? 1));
  const proven = new Map<TraceEntry, SingleMatch>();
  for (const { entry, ties, list } of equal) {
    const candidate = ties.find((c) => !taken.has(c.target));
    if (!candidate) continue;
    taken.add(candidate.target);
    proven.set(entry, { entry, candidate, next: rivalOf(candidate, list, candidates), confidence: 1 });
  }
  return proven;
}

/** Equal values have no distance but rounding of the sample. */
const EQUAL = 1e-6;

/**
 * Assigns each checkpoint its nearest node, the surest first. One whose nearest node is taken, and has no twin, stays
 * without.
 * @param singles in the order of the dump
 * @param proven those that need no more proof; they count for the order of the others
 * @param taken nodes that other names have; those assigned here are added
 */
export function matchSingles(
  singles: readonly Single[],
  proven: ReadonlyMap<TraceEntry, SingleMatch>,
  candidates: Candidates,
  taken: Set<Target>,
  threshold: number,
): readonly SingleMatch[] {
  const rated = singles.flatMap((single) => (proven.has(single.entry) ? [] : (rate(single, candidates) ?? [])));
  const found = new Map(proven);
  for (const match of [...rated].sort((a, b) => b.confidence - a.confidence)) {
    const { entry, candidate } = match;
    const free = taken.has(candidate.target) ? freeTwin(entry, candidate, singles, candidates, taken) : candidate;
    if (!free) continue;
    if (match.confidence >= threshold) taken.add(free.target);
    found.set(entry, { ...match, candidate: free });
  }
  return inOrder(singles, found, proven, candidates, taken, threshold);
}

function rate({ entry, candidates: list }: Single, candidates: Candidates): SingleMatch | undefined {
  const [candidate] = list;
  if (!candidate) return undefined;
  const next = rivalOf(candidate, list, candidates);
  return { entry, candidate, next, confidence: marginOf(candidate.distance, next?.distance) };
}

/** The best other reading that does not come to the same values. */
function rivalOf(best: Candidate, list: readonly Candidate[], candidates: Candidates): Candidate | undefined {
  return list.find((c) => {
    if (c === best) return false;
    if (!isTie(c, best)) return true;
    return c.target !== best.target && !candidates.areTwins(c.target.node, best.target.node);
  });
}

function freeTwin(
  entry: TraceEntry,
  best: Candidate,
  singles: readonly Single[],
  candidates: Candidates,
  taken: ReadonlySet<Target>,
): Candidate | undefined {
  const list = singles.find((s) => s.entry === entry)?.candidates ?? [];
  return list.find(
    (c) => isTie(c, best) && !taken.has(c.target) && candidates.areTwins(c.target.node, best.target.node),
  );
}

/** Drops what breaks an order that all others keep, and fills gaps between neighbours of that order. */
function inOrder(
  singles: readonly Single[],
  found: ReadonlyMap<TraceEntry, SingleMatch>,
  proven: ReadonlyMap<TraceEntry, SingleMatch>,
  candidates: Candidates,
  taken: Set<Target>,
  threshold: number,
): readonly SingleMatch[] {
  const matches = singles.map(({ entry }) => found.get(entry));
  const sure = matches.flatMap((m, i) =>
    m && m.confidence >= threshold ? [{ i, rank: m.candidate.target.rank }] : [],
  );
  const kept = longestIncreasing(sure.map((s) => s.rank));
  if (sure.length < LEAST_ORDERED || kept.length < ORDERED * sure.length) return matches.filter((m) => m !== undefined);
  const anchors = new Map(kept.map((k) => [sure[k]!.i, sure[k]!.rank]));
  return singles.flatMap((single, i) => {
    if (anchors.has(i) || proven.has(single.entry)) return matches[i] ?? [];
    const own = matches[i];
    if (own && own.confidence >= threshold) {
      taken.delete(own.candidate.target);
      return [{ ...own, confidence: 0 }];
    }
    const filled = between(
      single,
      anchorBefore(anchors, i),
      anchorAfter(anchors, i, singles.length),
      candidates,
      taken,
    );
    if (!filled) return own ?? [];
    if (filled.confidence >= threshold) {
      taken.add(filled.candidate.target);
      anchors.set(i, filled.candidate.target.rank);
    }
    return [filled];
  });
}

/** The best reading that stands between the neighbours in graph order. */
function between(
  { entry, candidates: list }: Single,
  after: number,
  before: number,
  candidates: Candidates,
  taken: ReadonlySet<Target>,
): SingleMatch | undefined {
  const inside = list.filter(({ target: t }) => t.rank > after && t.rank < before && !taken.has(t));
  return rate({ entry, candidates: inside }, candidates);
}

function anchorBefore(anchors: ReadonlyMap<number, number>, i: number): number {
  for (let k = i - 1; k >= 0; k--) {
    const rank = anchors.get(k);
    if (rank !== undefined) return rank;
  }
  return -1;
}

function anchorAfter(anchors: ReadonlyMap<number, number>, i: number, length: number): number {
  for (let k = i + 1; k < length; k++) {
    const rank = anchors.get(k);
    if (rank !== undefined) return rank;
  }
  return Infinity;
}

/** Indices of a longest increasing subsequence. */
export function longestIncreasing(values: readonly number[]): readonly number[] {
  const tails: number[] = [];
  const before: number[] = [];
  for (const [i, v] of values.entries()) {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (values[tails[mid]!]! < v) low = mid + 1;
      else high = mid;
    }
    before.push(low > 0 ? tails[low - 1]! : -1);
    tails[low] = i;
  }
  const out: number[] = [];
  for (let at = tails.at(-1) ?? -1; at >= 0; at = before[at]!) out.push(at);
  return out.reverse();
}
