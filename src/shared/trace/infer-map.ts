/**
 * Proposes which node of the graph each name of a foreign dump means, by the values themselves: each checkpoint is
 * compared with the reference's own results under every layout that design.md §7 knows. Names that recur in every layer
 * are matched as a whole, statistics and naming conventions only add to that, and order is used where it is the graph's.
 */
import type { JobControl } from '../base/progress';
import type { Graph } from '../graph/graph';
import type { Target } from './infer/candidates';
import { Candidates } from './infer/candidates';
import { conventionOf } from './infer/conventions';
import type { LayerMatch } from './infer/match-layers';
import { inOneOrder, matchLayers } from './infer/match-layers';
import type { Single, SingleMatch } from './infer/match-singles';
import { matchSingles, provenSingles, singleOf } from './infer/match-singles';
import type { NamePattern } from './infer/name-patterns';
import { groupNames, layerPattern } from './infer/name-patterns';
import type { Layout } from './infer/sketch';
import type { MapTarget, NameMap } from './name-map';
import type { TraceEntry, TraceSource } from './trace';

/** One line of the proposal. */
export interface InferredEntry extends MapTarget {
  /** Foreign name, or pattern with `{N}`. */
  readonly foreign: string;
  /** 0 … 1: share of layers that agree × margin to the second best. */
  readonly confidence: number;
  /** Keys of the nodes by foreign name. */
  readonly names: ReadonlyMap<string, string>;
  /** What speaks for it, in words. */
  readonly why: string;
}

export interface InferredMap {
  /** At or above the threshold, in graph order. */
  readonly entries: readonly InferredEntry[];
  /** Guesses below it; not to be used unseen. */
  readonly doubtful: readonly InferredEntry[];
  /** Names that fit nowhere. */
  readonly unknown: readonly string[];
}

export interface InferMapRequest {
  readonly dump: TraceSource;
  /** The reference's results on the same tokens. */
  readonly golden: TraceSource;
  readonly graph: Graph;
  /** Least confidence of `entries`. */
  readonly threshold: number;
  readonly control: JobControl;
  /** Gives the event loop a turn. */
  readonly pause: () => Promise<void>;
}

/** Share of a dump's names that must be nodes of the graph for them to be taken at their word. */
const OWN_NAMES = 0.25;

/** Whether so few of the names are nodes of the graph that they are another engine's. */
export function namesAreForeign(dump: TraceSource, graph: Graph): boolean {
  const keys = new Set(graph.tensors.map((t) => t.key));
  const names = checkpoints(dump).map((e) => e.key);
  return names.filter((name) => keys.has(name)).length < OWN_NAMES * names.length;
}

/** @throws CancelledError */
export async function inferMap(request: InferMapRequest): Promise<InferredMap> {
  const { dump, golden, graph, threshold } = request;
  const candidates = new Candidates(dump, golden, graph);
  const step = progress(request);
  const taken = new Set<Target>();
  const own = ownNames(dump, candidates);
  for (const { target } of own) taken.add(target);
  const ownKeys = new Set(own.map(({ entry }) => entry.key));
  const entries = checkpoints(dump).filter((e) => !ownKeys.has(e.key));
  const groups = groupNames(new Map(entries.map((e) => [e.key, e])));
  const layers = new Set(candidates.targets.flatMap(({ layer }) => layer ?? []));
  const inLayers = groups.filter((g) => mayBeLayers(g, layers));
  const matches: (readonly LayerMatch[])[] = [];
  const shift = inLayers.some((g) => isNumberedFromOne(g, layers)) ? -1 : 0;
  for (const group of inLayers) {
    await step(group.members.size);
    matches.push(matchLayers(group, candidates, layers, shift));
  }
  const found = assignLayers(inOneOrder(matches, threshold), taken, threshold);
  const done = new Set(found.flatMap((m) => [...m.names.keys()]));
  const sequences: Single[][] = [];
  for (const names of inSequences(groups, entries, done)) {
    const some: Single[] = [];
    for (const entry of names) {
      await step(1);
      some.push(singleOf(entry, candidates));
    }
    sequences.push(some);
  }
  const proven = provenSingles(sequences.flat(), candidates, taken);
  const singles = sequences.flatMap((some) => matchSingles(some, proven, candidates, taken, threshold));
  const all = [...own.map(takenAtItsWord), ...found, ...singles.map(inferredSingle)];
  const known = new Set(all.flatMap((e) => [...e.names.keys()]));
  const rank = new Map(candidates.targets.map((t) => [t.node.key, t.rank]));
  const order = (e: InferredEntry): number => rank.get([...e.names.values()][0] ?? '') ?? Infinity;
  const sorted = all.sort((a, b) => order(a) - order(b));
  return {
    entries: sorted.filter((e) => e.confidence >= threshold),
    doubtful: sorted.filter((e) => e.confidence < threshold),
    unknown: entries.map((e) => e.key).filter((key) => !known.has(key)),
  };
}

/** The proposal as what `--map` reads. */
export function nameMapOf(entries: readonly InferredEntry[]): NameMap {
  return new Map(entries.map((e) => [e.foreign, targetOf(e)]));
}

/** The file for `--map` (design.md §7). */
export function nameMapJson(entries: readonly InferredEntry[]): string {
  const lines = entries.map((e) => {
    const target = targetOf(e);
    const value = Object.keys(target).length === 1 ? target.node : target;
    return `  ${JSON.stringify(e.foreign)}: ${JSON.stringify(value)}`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

function targetOf({ node, channels, transpose, heads }: InferredEntry): MapTarget {
  const layout = {
    ...(channels ? { channels } : {}),
    ...(transpose ? { transpose } : {}),
    ...(heads ? { heads } : {}),
  };
  return { node, ...layout };
}

/** Integer tensors are token ids and positions, no checkpoints. */
function checkpoints(dump: TraceSource): readonly TraceEntry[] {
  return [...dump.entries.values()].filter(
    ({ key, dtype }) => dtype !== 'I32' && dtype !== 'I64' && !key.startsWith('leaf:'),
  );
}

interface OwnName {
  readonly entry: TraceEntry;
  readonly target: Target;
}

/** Names such as `ffn_out-3`, which nobody gives by chance; others (`norm`) mean something else elsewhere. */
function ownNames(dump: TraceSource, { targets }: Candidates): readonly OwnName[] {
  const byKey = new Map(targets.map((target) => [target.node.key, target]));
  return checkpoints(dump).flatMap((entry) => {
    const target = byKey.get(entry.key);
    return target && layerPattern(entry.key) ? [{ entry, target }] : [];
  });
}

function takenAtItsWord({ entry: { key } }: OwnName): InferredEntry {
  return { foreign: key, node: key, confidence: 1, names: new Map([[key, key]]), why: 'the name of a node' };
}

function mayBeLayers({ members }: NamePattern<TraceEntry>, layers: ReadonlySet<number>): boolean {
  const most = Math.max(...layers);
  return members.size <= layers.size && [...members.keys()].every((n) => n <= most + 1);
}

function isNumberedFromOne({ members }: NamePattern<TraceEntry>, layers: ReadonlySet<number>): boolean {
  return members.size === layers.size && !members.has(0) && members.has(Math.max(...layers) + 1);
}

/** The surest first; a pattern whose nodes are taken by a surer one is a copy of it, and has no other reading. */
function assignLayers(
  matches: readonly (readonly LayerMatch[])[],
  taken: Set<Target>,
  threshold: number,
): InferredEntry[] {
  const found: InferredEntry[] = [];
  const surest = matches.filter(([first]) => first && first.confidence >= threshold);
  surest.sort(([a], [b]) => (b?.confidence ?? 0) - (a?.confidence ?? 0));
  for (const [first, ...others] of surest) {
    if (!first) continue;
    const same = [first, ...others.filter((o) => o.distance - first.distance < Number.EPSILON)];
    const free = same.find((m) => [...m.members.values()].every(({ candidate }) => !taken.has(candidate.target)));
    if (!free) continue;
    for (const { candidate } of free.members.values()) taken.add(candidate.target);
    found.push(...inferredLayers({ ...free, confidence: first.confidence }));
  }
  return found;
}

/** One line where the numbers are the layers, else one per layer. */
function inferredLayers(match: LayerMatch): readonly InferredEntry[] {
  const names = [...match.members.values()].map((m) => [m.entry.key, m.candidate.target.node.key] as const);
  const rest = { ...match.layout, confidence: match.confidence, why: whyLayers(match) };
  if (match.shift === 0) return [{ foreign: match.pattern, node: match.node, ...rest, names: new Map(names) }];
  return names.map(([foreign, node]) => ({ foreign, node, ...rest, names: new Map([[foreign, node]]) }));
}

function inferredSingle({ entry, candidate, next, confidence }: SingleMatch): InferredEntry {
  const { key } = candidate.target.node;
  const rival = next ? `; next ${reading(next.target.node.key, next.layout)} at ${short(next.distance)}` : '';
  return {
    foreign: entry.key,
    node: key,
    ...candidate.layout,
    confidence,
    names: new Map([[entry.key, key]]),
    why: `distance ${short(candidate.distance)}${rival}${byName(entry.key)}`,
  };
}

function whyLayers({ members, agreeing, distance, next }: LayerMatch): string {
  const rival = next ? `; next ${reading(next.node, next.layout)} at ${short(next.distance)}` : '';
  const [first] = members.values();
  return `${agreeing} of ${members.size} layers, distance ${short(distance)}${rival}${byName(first?.entry.key ?? '')}`;
}

function reading(node: string, { channels, transpose, heads }: Layout): string {
  const layout = [
    ...(channels ? [channels] : []),
    ...(transpose ? ['transposed'] : []),
    ...(heads ? ['heads first'] : []),
  ];
  return [node, ...layout].join(' ');
}

function byName(name: string): string {
  return conventionOf(name) ? '; a known name' : '';
}

function short(x: number): string {
  return x < 0.001 ? x.toExponential(0) : x.toFixed(3);
}

/** What is left: sequences of one numbering in its order, the others in the dump's. */
function inSequences(
  groups: readonly NamePattern<TraceEntry>[],
  entries: readonly TraceEntry[],
  done: ReadonlySet<string>,
): readonly (readonly TraceEntry[])[] {
  const sequences = groups
    .map(({ members }) => [...members].sort(([a], [b]) => a - b).flatMap(([, e]) => (done.has(e.key) ? [] : e)))
    .filter((s) => s.length > 0);
  const grouped = new Set(sequences.flat());
  return [...sequences, entries.filter((e) => !done.has(e.key) && !grouped.has(e))];
}

function progress({ dump, control, pause }: InferMapRequest): (names: number) => Promise<void> {
  const total = dump.entries.size;
  let done = 0;
  return async (names) => {
    control.throwIfCancelled();
    control.progress({ stage: 'match names', done: Math.min(done, total), total });
    done += names;
    await pause();
  };
}
