import { assert } from '../base/assert';
import type { Dims, Graph, GraphTensor } from '../graph/graph';
import type { Routing } from '../graph/expert-slots';
import { routingsOf } from '../graph/expert-slots';
import { elementCount, isComputing } from '../graph/graph';
import { withFirst } from './expert-order';
import { neOfShape, shapeOfNe } from './safetensors';
import type { StoredPrecision } from './stored-precision';
import { storedPrecision } from './stored-precision';
import type { DeclaredPrecision, NotMeasured, TraceDtype, TraceEntry, TraceManifest, TraceSource } from './trace';

/** How a dump's checkpoint lies over the graph's tensor. */
export interface Placement {
  /** Shape of the dump's data, ggml order, of the graph's rank. */
  readonly ne: Dims;
  /** Where the dump's element [0,0,0,0] stands in the graph's tensor. */
  readonly origin: Dims;
  /** How much of the dump is used, from its own origin. */
  readonly extent: Dims;
}

/** What a run's shapes are made of. */
export interface RunExtent {
  /** Tokens that were evaluated. */
  readonly tokens: number;
  /** Those and the ones before them in the sequence: what the KV cache holds. */
  readonly positions: number;
  /** Padded KV length; undefined where the graph has no soft-max attention. */
  readonly kvLength: number | undefined;
}

/**
 * Fits a foreign shape to a graph node, or says why it does not fit.
 * - the same elements in the same order under another shape (heads merged, say): as it is;
 * - fewer rows along the token dimension: the last tokens (engines often compute only those from the last layer on);
 * - another KV length in dimension 0 of attention scores: positions past the tokens are padding on both sides.
 */
export function placeCheckpoint(node: GraphTensor, shape: readonly number[], run: RunExtent): Placement | string {
  const { ne } = node;
  const found = neOfShape(shape);
  if (found && isPermuted(found, ne)) {
    return `shape [${shape.join(', ')}] has the extents of ne [${ne.join(', ')}] in another order: [${shapeOfNe(ne).join(', ')}] is expected`;
  }
  if (found && found.reduce((a, b) => a * b, 1) === elementCount(ne)) return { ne, origin: [0, 0, 0, 0], extent: ne };
  const candidates = found ? [found, ...regrouped(found, ne)] : [];
  for (const dump of candidates) {
    const placement = fit(ne, dump, run);
    if (placement) return placement;
  }
  return `shape [${shape.join(', ')}] does not fit ne [${ne.join(', ')}] of the graph`;
}

/** The same extents in another order, those of 1 apart: the values lie otherwise, though there are as many. */
function isPermuted(found: Dims, ne: Dims): boolean {
  const [a, b] = [found, ne].map((dims) => dims.filter((n) => n !== 1));
  const sorted = (dims: readonly number[] | undefined): string => [...(dims ?? [])].sort((x, y) => x - y).join();
  return a?.join() !== b?.join() && sorted(a) === sorted(b);
}

/** The dump with its dimension 0 split as the graph's: [heads·d, n] read as [d, heads, n]. */
function regrouped(dump: Dims, ne: Dims): readonly Dims[] {
  if (ne[0] > 0 && dump[0] === ne[0] * ne[1] && dump[3] === 1) return [[ne[0], ne[1], dump[1], dump[2]]];
  if (dump[1] > 0 && ne[0] === dump[0] * dump[1]) return [[ne[0], dump[2], dump[3], 1]];
  return [];
}

function fit(ne: Dims, dump: Dims, { tokens, positions, kvLength }: RunExtent): Placement | undefined {
  const origin: [number, number, number, number] = [0, 0, 0, 0];
  const extent: [number, number, number, number] = [...dump];
  let rowsCut = false;
  for (let d = 0; d < 4; d++) {
    const want = ne[d]!;
    const got = dump[d]!;
    if (want === got) continue;
    if (d === 0 && want === kvLength && got >= positions) {
      extent[0] = Math.min(want, got, positions);
    } else if (d > 0 && !rowsCut && want === tokens && got < tokens && got > 0) {
      rowsCut = true;
      origin[d] = tokens - got;
    } else {
      return undefined;
    }
  }
  return { ne: dump, origin, extent };
}

/** Padded KV length: dimension 0 of the attention mask, where the graph has soft-max attention. */
export function kvLengthOf(graph: Graph): number | undefined {
  for (const id of graph.order) {
    const t = graph.tensors[id];
    if (t?.op === 'SOFT_MAX' && t.src[1] !== undefined) return t.ne[0];
  }
  return undefined;
}

/** What a foreign trace says of one graph key: its own entry and how to read it. */
export interface ForeignEntry {
  readonly entry: TraceEntry;
  /** Values in the graph's order of elements, of the dump's own extent. */
  read(): Float32Array;
}

/**
 * A foreign dump seen as a trace of the captured graph: names mapped, rows aligned. Where the dump has only part of a
 * tensor, the rest is the captured trace's, and `mask` tells the two apart.
 */
export class AlignedTrace implements TraceSource {
  readonly entries: ReadonlyMap<string, TraceEntry>;
  /** One line per kind of alignment that was needed, with the first node that needed it. */
  readonly notes: readonly string[];
  /** Dumped checkpoints that fit no node, with the reason. */
  readonly misfits: readonly NotMeasured[];
  private storedAs: StoredPrecision | undefined;
  private isStoredKnown = false;
  private readonly placements = new Map<string, { placement: Placement; node: GraphTensor }>();
  /** Choices of experts that the dump has as what is read of them, by key of the whole. */
  private readonly chosen = new Map<string, Routing>();

  constructor(
    private readonly dump: TraceSource,
    private readonly golden: TraceSource,
    private readonly graph: Graph,
    private readonly foreign: ReadonlyMap<string, ForeignEntry>,
  ) {
    const entries = new Map<string, TraceEntry>();
    const misfits: NotMeasured[] = [];
    const firstWith = new Map<string, string>();
    const tokens = golden.tokens.length;
    const run = { tokens, positions: tokens + (golden.manifest?.past ?? 0), kvLength: kvLengthOf(graph) };
    for (const id of graph.order) {
      const node = graph.tensors[id];
      const found = node && isComputing(graph, node) ? foreign.get(node.key) : undefined;
      if (!node || !found) continue;
      const placement = placeCheckpoint(node, found.entry.shape, run);
      if (typeof placement === 'string') {
        misfits.push({ node: node.key, op: node.kind, reason: placement });
        continue;
      }
      const note = noteOf(placement, node, tokens);
      if (note !== undefined && !firstWith.has(note)) firstWith.set(note, node.key);
      // What this trace gives out has the graph's shape and is widened, whatever the dump stores.
      entries.set(node.key, { key: node.key, dtype: 'F32', shape: shapeOfNe(node.ne) });
      this.placements.set(node.key, { placement, node });
    }
    for (const routing of routingsOf(graph)) {
      const { choice, ids } = routing;
      const placed = ids.id === choice.id ? undefined : this.placeChoice(routing, run);
      if (typeof placed === 'string') misfits.push({ node: ids.key, op: ids.kind, reason: placed });
      else if (placed) entries.set(choice.key, { key: choice.key, dtype: 'F32', shape: shapeOfNe(choice.ne) });
    }
    this.entries = entries;
    this.misfits = misfits;
    this.notes = [...firstWith].map(([note, key]) => `${note}, from ${key} on`);
  }

  /** Undefined where the dump lacks it; why it does not fit where it does not. */
  private placeChoice(routing: Routing, run: RunExtent): Placement | string | undefined {
    const { choice, ids } = routing;
    const found = this.foreign.get(ids.key);
    if (!found || !this.golden.entries.has(choice.key)) return undefined;
    const placement = placeCheckpoint(ids, found.entry.shape, run);
    if (typeof placement === 'string') return placement;
    this.placements.set(ids.key, { placement, node: ids });
    this.chosen.set(choice.key, routing);
    return placement;
  }

  /** Names of all that was dumped, as the dump spells them. */
  get foreignKeys(): readonly string[] {
    return [...this.dump.entries.keys()];
  }
  /** Type of each tensor of the dump that cannot be read, by the dump's name. */
  get unreadable(): ReadonlyMap<string, string> {
    return this.dump.unreadable ?? new Map();
  }
  /** Those that stand for a node of the graph, whether or not their shapes fit. */
  get placedNames(): ReadonlySet<string> {
    return new Set([...this.foreign.values()].map(({ entry }) => entry.key));
  }
  get label(): string {
    return this.dump.label;
  }
  get engine(): string {
    return this.dump.engine;
  }
  get tokens(): readonly number[] {
    return this.dump.tokens;
  }
  get manifest(): TraceManifest | undefined {
    return this.dump.manifest;
  }

  get declared(): DeclaredPrecision {
    return this.dump.declared ?? {};
  }

  /** The type in which the engine holds the checkpoint: that of the dump, unless it declares another or its values tell. */
  dtype(key: string): TraceDtype {
    const { declared } = this.dump;
    if (declared?.activations) return declared.activations;
    const dtype = this.foreign.get(key)?.entry.dtype ?? 'F32';
    return dtype === 'F32' && this.stored?.keys.has(key) ? this.stored.type : dtype;
  }

  /** What the values of the checkpoints that are dumped as f32 say of the type they were stored in. */
  get stored(): StoredPrecision | undefined {
    if (!this.isStoredKnown) {
      const wide = [...this.entries.keys()].filter((key) => this.foreign.get(key)?.entry.dtype === 'F32');
      this.storedAs = storedPrecision(wide, (key) => this.foreign.get(key)?.read() ?? new Float32Array());
      this.isStoredKnown = true;
    }
    return this.storedAs;
  }

  /** 1 where the dump has a value of its own; undefined when that is everywhere. */
  mask(key: string): Uint8Array | undefined {
    const choice = this.chosen.get(key);
    if (choice) {
      const rows = this.mask(choice.ids.key);
      const [width, { used }] = [choice.choice.ne[0], choice];
      return rows && new Uint8Array(width * choice.tokens).map((_, i) => rows[Math.floor(i / width) * used] ?? 0);
    }
    const found = this.placements.get(key);
    if (!found || isWhole(found.placement, found.node)) return undefined;
    const mask = new Uint8Array(elementCount(found.node.ne));
    eachPlaced(found.placement, found.node.ne, (to) => (mask[to] = 1));
    return mask;
  }

  readF32(key: string): Float32Array<ArrayBuffer> {
    const choice = this.chosen.get(key);
    if (choice) return this.wholeChoice(choice);
    const found = this.placements.get(key);
    const source = this.foreign.get(key);
    assert(found && source, `no aligned checkpoint ${key}`);
    const values = source.read();
    if (isWhole(found.placement, found.node)) return new Float32Array(values);
    const { node } = found;
    const merged = isComputing(this.graph, node) ? this.golden.readF32(key) : new Float32Array(elementCount(node.ne));
    eachPlaced(found.placement, found.node.ne, (to, from) => (merged[to] = values[from]!));
    return merged;
  }

  readRaw(key: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.readF32(key).buffer);
  }

  /** All experts of each token, the dump's chosen ones first; nobody reads the others. */
  private wholeChoice({ choice, ids, used }: Routing): Float32Array<ArrayBuffer> {
    const [own, mask] = [this.readF32(ids.key), this.mask(ids.key)];
    return withFirst(this.golden.readF32(choice.key), choice.ne[0], (row) =>
      mask?.[row * used] === 0 ? undefined : own.subarray(row * used, (row + 1) * used),
    );
  }
}

function isWhole(p: Placement, node: GraphTensor): boolean {
  return p.extent.every((n, d) => n === node.ne[d]);
}

/** What had to be aligned at this node, as a sentence that many nodes share; undefined when nothing. */
function noteOf(p: Placement, node: GraphTensor, tokens: number): string | undefined {
  if (p.origin.some((o) => o > 0)) return `only the last ${tokens - Math.max(...p.origin)} of ${tokens} tokens dumped`;
  if (p.extent[0] !== node.ne[0]) {
    return `KV length ${p.ne[0]} in the dump, ${node.ne[0]} in the graph: the first ${p.extent[0]} positions compared`;
  }
  return undefined;
}

/** Calls with the element position in the graph's tensor and in the dump for every element they share. */
function eachPlaced(p: Placement, ne: Dims, visit: (to: number, from: number) => void): void {
  const [e0, e1, e2, e3] = p.extent;
  const [o0, o1, o2, o3] = p.origin;
  for (let i3 = 0; i3 < e3; i3++) {
    for (let i2 = 0; i2 < e2; i2++) {
      for (let i1 = 0; i1 < e1; i1++) {
        const to = (((i3 + o3) * ne[2] + i2 + o2) * ne[1] + i1 + o1) * ne[0] + o0;
        const from = ((i3 * p.ne[2] + i2) * p.ne[1] + i1) * p.ne[0];
        for (let i0 = 0; i0 < e0; i0++) visit(to + i0, from + i0);
      }
    }
  }
}
