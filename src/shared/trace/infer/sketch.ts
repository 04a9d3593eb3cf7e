/** Samples of checkpoints, and how far two of them lie apart. */
import type { Dims, GraphTensor } from '../../graph/graph';
import type { Placement } from '../alignment';
import type { ChannelOrder } from '../name-map';

/** How a foreign checkpoint's values may lie. */
export interface Layout {
  readonly channels?: ChannelOrder;
  readonly transpose?: true;
  readonly heads?: 'first';
}

/** A sample of a tensor, comparable with those of the same positions. */
export interface Sketch {
  /** Signed square roots, each row of length 1, all together of length 1: a few huge channels or one huge token (as the
   * first often is) do not drown the rest. All zero where nothing is to be told. */
  readonly direction: Float32Array;
  readonly l2: number;
  readonly mean: number;
  readonly std: number;
}

/** The sampled elements: positions in the graph's tensor and in the dump's (aligned) data, and the row of each. */
export interface Positions {
  readonly to: Int32Array;
  readonly from: Int32Array;
  readonly rows: Int32Array;
}

/** Elements sampled per checkpoint: enough to tell thousands of tensors apart. */
const SAMPLES = 2048;
/** Steps of the golden ratio fall on no stride of the tensor. */
const GOLDEN_RATIO = 0.6180339887498949;
/** Equal statistics alone are weak evidence: they lessen the distance by no more than this. */
const STATISTICS_WEIGHT = 0.4;

/** Spreads samples over what graph and dump share. */
export function samplePositions(ne: Dims, { ne: dump, origin, extent }: Placement): Positions {
  const count = extent[0] * extent[1] * extent[2] * extent[3];
  const n = Math.min(SAMPLES, count);
  const to = new Int32Array(n);
  const from = new Int32Array(n);
  const rows = new Int32Array(n);
  for (let k = 0; k < n; k++) {
    const at = n === count ? k : Math.floor(((k + ((k * GOLDEN_RATIO) % 1)) * count) / n);
    const i0 = at % extent[0];
    const row = Math.floor(at / extent[0]);
    const i1 = row % extent[1];
    const plane = Math.floor(row / extent[1]);
    const i2 = plane % extent[2];
    const i3 = Math.floor(plane / extent[2]);
    to[k] = (((i3 + origin[3]) * ne[2] + i2 + origin[2]) * ne[1] + i1 + origin[1]) * ne[0] + i0 + origin[0];
    from[k] = ((i3 * dump[2] + i2) * dump[1] + i1) * dump[0] + i0;
    rows[k] = row;
  }
  return { to, from, rows };
}

/**
 * Where the elements at `from` stand in the data as dumped.
 * @param shape as dumped
 * @param head elements per head, for `channels`
 */
export function storedAt(from: Int32Array, layout: Layout, shape: readonly number[], head: number): Int32Array {
  const columns = shape[shape.length - 1] ?? 1;
  const rows = shape[shape.length - 2] ?? 1;
  const { channels, transpose, heads } = layout;
  return from.map((at) => {
    const placed = channels ? channelSource(at, head, channels) : at;
    const aligned = heads ? headsFirstSource(placed, shape) : placed;
    if (!transpose) return aligned;
    const base = aligned - (aligned % (rows * columns));
    const inside = aligned - base;
    return base + (inside % rows) * columns + Math.floor(inside / rows);
  });
}

/** Where an element of [tokens, heads, size] stands in [heads, tokens, size]. */
function headsFirstSource(at: number, shape: readonly number[]): number {
  const [heads = 1, tokens = 1, size = 1] = shape.slice(-3);
  const [i, row] = [at % size, Math.floor(at / size)];
  const [h, t] = [row % heads, Math.floor(row / heads) % tokens];
  const base = Math.floor(row / (heads * tokens)) * heads * tokens;
  return (base + h * tokens + t) * size + i;
}

function channelSource(at: number, head: number, order: ChannelOrder): number {
  const i = at % head;
  const start = at - i;
  const half = head / 2;
  if (order === 'half-split-to-interleaved') return start + (i >> 1) + (i % 2) * half;
  return start + (i < half ? 2 * i : 2 * (i - half) + 1);
}

/** Takes a sample; non-finite elements count as 0. */
export function sketchOf(values: Float32Array, at: Int32Array, rows: Int32Array): Sketch {
  const n = at.length;
  const direction = new Float32Array(n);
  let sum = 0;
  let squares = 0;
  let filledRows = 0;
  for (let start = 0; start < n;) {
    let end = start;
    let size = 0;
    for (; end < n && rows[end] === rows[start]; end++) {
      const stored = values[at[end]!]!;
      const v = Number.isFinite(stored) ? stored : 0;
      sum += v;
      squares += v * v;
      size += Math.abs(v);
      direction[end] = v < 0 ? -Math.sqrt(-v) : Math.sqrt(v);
    }
    const scale = size > 0 ? 1 / Math.sqrt(size) : 0;
    if (size > 0) filledRows++;
    for (; start < end; start++) direction[start]! *= scale;
  }
  const scale = filledRows > 0 ? 1 / Math.sqrt(filledRows) : 0;
  for (let i = 0; i < n; i++) direction[i]! *= scale;
  const mean = n > 0 ? sum / n : 0;
  return {
    direction,
    l2: Math.sqrt(squares),
    mean,
    std: Math.sqrt(Math.max(0, squares / Math.max(1, n) - mean * mean)),
  };
}

/**
 * How far two sketches of the same positions lie apart: 0 for equal values, 1 for values that have nothing in common.
 * Where values say nothing, statistics say a little.
 */
export function distance(a: Sketch, b: Sketch): number {
  let dot = 0;
  for (let i = 0; i < a.direction.length; i++) dot += a.direction[i]! * b.direction[i]!;
  const larger = Math.max(a.l2, b.l2);
  if (!(larger > 0)) return 1;
  const byValue = 1 - Math.min(1, Math.max(0, dot)) * Math.sqrt(Math.min(a.l2, b.l2) / larger);
  return Math.min(byValue, 1 - STATISTICS_WEIGHT * likeStatistics(a, b));
}

/** 1 for equal mean and standard deviation, falling towards 0. */
function likeStatistics(a: Sketch, b: Sketch): number {
  if (!(a.std > 0 && b.std > 0)) return 0;
  return Math.exp(-2 * Math.abs(Math.log(a.std / b.std)) - Math.abs(a.mean - b.mean) / Math.max(a.std, b.std));
}

/** The shape with its last two dimensions swapped. */
export function swapped(shape: readonly number[]): readonly number[] {
  return [...shape.slice(0, -2), ...shape.slice(-2).reverse()];
}

/** Layouts worth a try at a node: channel orders only where the engine may have kept another one (Q and K per head). */
export function layoutsFor(shape: readonly number[], node: GraphTensor, head: number | undefined): readonly Layout[] {
  const channels: readonly Layout[] =
    head === undefined
      ? [{}]
      : [{}, { channels: 'half-split-to-interleaved' }, { channels: 'interleaved-to-half-split' }];
  const [rows = 1, columns = 1] = shape.slice(-2);
  const mayBeTransposed = shape.length >= 2 && rows > 1 && columns > 1 && rows === node.ne[0];
  if (mayBeHeadsFirst(shape, node)) return [...channels, ...channels.map((c) => ({ ...c, heads: 'first' as const }))];
  return mayBeTransposed ? [...channels, ...channels.map((c) => ({ ...c, transpose: true as const }))] : channels;
}

/** Whether a shape is [heads, tokens, size] where the node has the heads of each token side by side. */
function mayBeHeadsFirst(shape: readonly number[], { ne }: GraphTensor): boolean {
  const [heads = 1, tokens = 1, size = 1] = shape.length < 3 ? [] : shape.slice(-3);
  if (heads < 2 || tokens < 2) return false;
  return ne[0] === size ? ne[1] === heads && tokens <= ne[2] : ne[0] === heads * size && tokens <= ne[1];
}
