import { z } from 'zod';
import { QuarrelError } from '../base/errors';
import { checkedJson, parseJson } from '../base/json';
import type { Graph, GraphTensor } from '../graph/graph';
import { routingsOf } from '../graph/expert-slots';
import { isAlias, isComputing } from '../graph/graph';
import type { ForeignEntry } from './alignment';
import { sameNodes } from './same-nodes';
import type { TraceEntry, TraceSource } from './trace';

export type ChannelOrder = 'half-split-to-interleaved' | 'interleaved-to-half-split';

/** Where a foreign checkpoint stands in the graph, and how its values lie. */
export interface MapTarget {
  readonly node: string;
  readonly channels?: ChannelOrder;
  readonly transpose?: boolean;
  /** `first`: the dump has [heads, tokens, head size] where the graph has [tokens, heads, head size]. */
  readonly heads?: 'first';
  readonly scale?: number;
}

/** Foreign name pattern → our key pattern; `{N}` stands for the same number on both sides. */
export type NameMap = ReadonlyMap<string, MapTarget>;

const node = z.string('a node name');
const channelOrder = z.enum(['half-split-to-interleaved', 'interleaved-to-half-split']);

const target: z.ZodType<MapTarget> = z.union(
  [
    node.transform((name) => ({ node: name })),
    z.strictObject({
      node,
      channels: channelOrder.exactOptional(),
      transpose: z.boolean().exactOptional(),
      heads: z.literal('first').exactOptional(),
      scale: z.number().exactOptional(),
    }),
  ],
  'a node name or an object',
);

const mapForm = z.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'a JSON object of foreign name → our name',
);

/** Parses a `--map` file (design.md §7). Throws QuarrelError that names the entry. */
export function parseNameMap(json: string, label: string): NameMap {
  const entries = Object.entries(parseJson(json, mapForm, label));
  return new Map(
    entries.map(([foreign, value]) => [
      foreign,
      checkedJson(value, target, `${label}: entry ${JSON.stringify(foreign)}`, 'it'),
    ]),
  );
}

/**
 * The checkpoints of a foreign dump by graph key. Without a map, names are taken as ours; a name without `#k` means
 * the only node of that name, or `#0`'s sibling stays unmatched. Where a dump brings its graph, its nodes are matched by
 * what they compute too.
 */
export function foreignEntries(dump: TraceSource, graph: Graph, map?: NameMap): ReadonlyMap<string, ForeignEntry> {
  const byKey = new Map<string, GraphTensor>();
  for (const id of graph.order) {
    const t = graph.tensors[id]!;
    if (isComputing(graph, t)) byKey.set(t.key, t);
  }
  for (const [name, view] of choicesByName(graph)) if (!byKey.has(name)) byKey.set(name, view);
  const found = new Map<string, ForeignEntry>();
  const own = dump.manifest?.graph;
  const same = own && own !== graph ? sameNodes(own, graph) : undefined;
  const asOurs = (key: string): MapTarget => ({ node: same ? (same.get(key) ?? '') : key });
  for (const entry of dump.entries.values()) {
    const target = map ? targetOf(entry.key, map) : asOurs(entry.key);
    const node = target && byKey.get(target.node);
    if (!target || !node) continue;
    if (found.has(node.key)) throw new QuarrelError(`${dump.label}: two checkpoints map to ${node.key}`);
    found.set(node.key, foreignEntry(dump, entry, target, graph, node));
  }
  return found;
}

/** Views that hold the chosen experts (`ffn_moe_topk-3`): nothing is computed there, yet engines dump them. */
function choicesByName(graph: Graph): readonly (readonly [name: string, view: GraphTensor])[] {
  const views = routingsOf(graph).flatMap(({ ids }) => (isAlias(ids) ? [ids] : []));
  return views.flatMap((view) => [[view.key, view] as const, [view.key.replace(/^view:/, ''), view] as const]);
}

/** Where a map sends a name; undefined where it has no entry for it. */
export function targetOf(name: string, map: NameMap): MapTarget | undefined {
  const direct = map.get(name);
  if (direct) return direct;
  for (const [pattern, target] of map) {
    if (!pattern.includes('{N}')) continue;
    const [head, tail] = pattern.split('{N}') as [string, string];
    if (!name.startsWith(head) || !name.endsWith(tail) || name.length <= head.length + tail.length) continue;
    const n = name.slice(head.length, name.length - tail.length);
    if (/^\d+$/.test(n)) return { ...target, node: target.node.replace('{N}', n) };
  }
  return undefined;
}

function foreignEntry(
  dump: TraceSource,
  entry: TraceEntry,
  target: MapTarget,
  graph: Graph,
  node: GraphTensor,
): ForeignEntry {
  const transposed = target.transpose ? [...entry.shape.slice(0, -2), ...entry.shape.slice(-2).reverse()] : entry.shape;
  const shape = target.heads ? tokensFirst(transposed) : transposed;
  return {
    entry: { ...entry, shape },
    read: () => {
      let values: Float32Array = dump.readF32(entry.key);
      if (target.transpose) values = transposeLastTwo(values, entry.shape);
      if (target.heads) values = swapHeadsAndTokens(values, transposed);
      if (target.channels) values = reorderChannels(values, headSize(graph, node, entry), target.channels);
      const { scale } = target;
      return scale === undefined ? values : values.map((v) => v * scale);
    },
  };
}

/** Elements per head: dimension 0 of the view through which the graph splits the node into heads, or its own. */
export function headSize(graph: Graph, node: GraphTensor, entry: Pick<TraceEntry, 'key'>): number {
  for (const id of graph.order) {
    const t = graph.tensors[id]!;
    const splits = (t.op === 'RESHAPE' || t.op === 'VIEW') && t.src[0] === node.id && t.ne[0] < node.ne[0];
    if (splits) return t.ne[0];
  }
  if (node.ne[0] % 2 !== 0) throw new QuarrelError(`${entry.key}: ${node.key} has odd head size ${node.ne[0]}`);
  return node.ne[0];
}

function reorderChannels(values: Float32Array, head: number, order: ChannelOrder): Float32Array {
  const half = head / 2;
  const out = new Float32Array(values.length);
  for (let start = 0; start + head <= values.length; start += head) {
    for (let i = 0; i < half; i++) {
      const [even, odd, low, high] = [start + 2 * i, start + 2 * i + 1, start + i, start + i + half];
      if (order === 'half-split-to-interleaved') {
        out[even] = values[low]!;
        out[odd] = values[high]!;
      } else {
        out[low] = values[even]!;
        out[high] = values[odd]!;
      }
    }
  }
  return out;
}

/** [heads, tokens, size] as [tokens, heads, size]; other shapes as they are. */
export function tokensFirst(shape: readonly number[]): readonly number[] {
  const [heads, tokens, size] = shape.slice(-3);
  if (heads === undefined || tokens === undefined || size === undefined) return shape;
  return [...shape.slice(0, -3), tokens, heads, size];
}

function swapHeadsAndTokens(values: Float32Array, shape: readonly number[]): Float32Array {
  const [heads = 1, tokens = 1, size = 1] = shape.length < 3 ? [] : shape.slice(-3);
  const out = new Float32Array(values.length);
  for (let base = 0; base < values.length; base += heads * tokens * size) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < tokens; t++) {
        const from = base + (h * tokens + t) * size;
        out.set(values.subarray(from, from + size), base + (t * heads + h) * size);
      }
    }
  }
  return out;
}

function transposeLastTwo(values: Float32Array, shape: readonly number[]): Float32Array {
  const columns = shape[shape.length - 1] ?? 1;
  const rows = shape[shape.length - 2] ?? 1;
  const out = new Float32Array(values.length);
  for (let base = 0; base < values.length; base += rows * columns) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) out[base + c * rows + r] = values[base + r * columns + c]!;
    }
  }
  return out;
}
