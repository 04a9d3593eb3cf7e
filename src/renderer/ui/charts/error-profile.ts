import { MARGIN } from '../../../shared/compare/tolerance';
import type { ProfileEntry } from '../../../shared/divergence/verdict';
import { formatError, formatFactor } from '../format/numbers';

/** Powers of ten at the ends of a plot; what lies outside is drawn at the end. */
export interface LogAxis {
  readonly low: number;
  readonly high: number;
}

/** Errors below are nothing: an f32 rounds to 1.2e-15 as NMSE. */
const LOWEST = -17;
/** Inherited errors grow without bound once a run is off; the plot is about where it begins. */
const HIGHEST_INHERITED = 2;

/** A stretch of the graph: what comes before the layers, one layer, what comes after. */
export interface ProfileGroup {
  readonly label: string;
  /** Entries from `start` to before `end`. */
  readonly start: number;
  readonly end: number;
}

/** Power of ten of an error on an axis; null for an infinite one, which stands at the top. */
export function onAxis(value: number | null, { low, high }: LogAxis): number {
  if (value === null) return high;
  return value > 0 ? Math.min(high, Math.max(low, Math.log10(value))) : low;
}

/** Below which error a node is right; above, it is wrong or only rounds. */
export function limitOf({ floor }: Pick<ProfileEntry, 'floor'>): number {
  return MARGIN.node * floor;
}

/** An axis for local errors, floors and limits, with inherited errors as far as they do not press these together. */
export function nodeAxis(profile: readonly ProfileEntry[]): LogAxis {
  const own = profile.flatMap((e) => [e.local ?? 0, e.floor, limitOf(e)]);
  const inherited = profile.map((e) => Math.min(e.inherited ?? 0, 10 ** HIGHEST_INHERITED));
  return axisOf([...own, ...inherited]);
}

function axisOf(values: readonly number[]): LogAxis {
  const powers = values.filter((v) => v > 0 && Number.isFinite(v)).map((v) => Math.log10(v));
  const low = Math.max(LOWEST, Math.floor(powers.reduce((a, b) => Math.min(a, b), 0)));
  const high = Math.max(low + 2, Math.ceil(powers.reduce((a, b) => Math.max(a, b), low)));
  return { low, high };
}

/** Layers in graph order; nodes without one belong to the layer before them, but for those at both ends. */
export function profileGroups(profile: readonly ProfileEntry[]): readonly ProfileGroup[] {
  const last = profile.findLastIndex((e) => e.layer !== null);
  const starts: { label: string; start: number }[] = [];
  let layer: number | null = null;
  for (const [i, entry] of profile.entries()) {
    const label = i > last ? 'out' : (layer = entry.layer ?? layer) === null ? 'in' : String(layer);
    if (starts.at(-1)?.label !== label) starts.push({ label, start: i });
  }
  return starts.map((group, i) => ({ ...group, end: starts[i + 1]?.start ?? profile.length }));
}

/** What a layer looks like as a whole. */
export interface LayerError {
  readonly group: ProfileGroup;
  /** The node nearest to its limit or furthest above, and how far: its local error over its limit. */
  readonly worst: ProfileEntry;
  readonly overLimit: number;
  readonly bad: number;
  readonly rounded: number;
  /** Inherited error of its last node that has one. */
  readonly inherited: number | null;
}

export function layerErrors(profile: readonly ProfileEntry[]): readonly LayerError[] {
  return profileGroups(profile).map((group) => {
    const entries = profile.slice(group.start, group.end);
    // A node can be bad below its limit, where only a few of its rows are wrong: those come first.
    const worst = entries.reduce((a, b) => (rank(b) > rank(a) ? b : a));
    const overLimit = ratioOf(worst);
    return {
      group,
      worst,
      overLimit,
      bad: entries.filter((e) => e.bad).length,
      rounded: entries.filter((e) => e.rounded).length,
      inherited: entries.findLast((e) => e.inherited !== null)?.inherited ?? null,
    };
  });
}

function ratioOf(entry: ProfileEntry): number {
  return entry.local === null ? Infinity : entry.local / limitOf(entry);
}

function rank(entry: ProfileEntry): number {
  return entry.bad ? 1e6 + Math.log10(Math.max(ratioOf(entry), 1e-30)) : Math.log10(Math.max(ratioOf(entry), 1e-30));
}

/** Axis for errors over their limits: 1 is always on it, and what is far below does not count. */
export function ratioAxis(layers: readonly LayerError[]): LogAxis {
  const { high } = axisOf([10, ...layers.map((l) => l.overLimit)]);
  return { low: -4, high };
}

export function inheritedAxis(layers: readonly LayerError[]): LogAxis {
  return axisOf(layers.map((l) => l.inherited ?? 0));
}

/** One node's figures in a line. */
export function nodeReadout(entry: ProfileEntry): string {
  const factor = entry.local === null ? '∞×' : formatFactor(entry.local / entry.floor);
  const local = entry.local === null ? 'non-finite' : formatError(entry.local);
  return [
    `local ${local}, ${factor} its floor ${formatError(entry.floor)}`,
    `limit ${formatError(limitOf(entry))}`,
    `inherited ${entry.inherited === null ? 'not measured' : formatError(entry.inherited)}`,
    ...(entry.rounded ? ['only rounded'] : []),
  ].join(' · ');
}

/** Where a reader begins: at the first that is bad, else at the first that rounds, else at the beginning. */
export function firstToShow(
  entries: readonly { readonly bad: boolean | number; readonly rounded: boolean | number }[],
): number {
  const bad = entries.findIndex((e) => Number(e.bad) > 0);
  return Math.max(0, bad >= 0 ? bad : entries.findIndex((e) => Number(e.rounded) > 0));
}

export function layerName({ label }: ProfileGroup): string {
  return label === 'in' ? 'before the layers' : label === 'out' ? 'after the layers' : `layer ${label}`;
}

export function layerReadout({ overLimit, bad, rounded, inherited }: LayerError): string {
  return [
    `${formatFactor(overLimit)} its limit`,
    `${bad === 0 ? 'no' : bad} bad ${bad === 1 ? 'node' : 'nodes'}${rounded === 0 ? '' : `, ${rounded} rounded`}`,
    `inherited at its end ${inherited === null ? 'not measured' : formatError(inherited)}`,
  ].join(' · ');
}
