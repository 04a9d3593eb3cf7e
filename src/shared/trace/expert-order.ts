/**
 * In which order a dump has the experts of each token. Its own choice says so (`ffn_moe_topk`, or the argsort behind it);
 * where it has none, or its slots do not follow it, their values are compared with the reference's.
 */
import { defined } from '../base/assert';
import type { Graph } from '../graph/graph';
import type { Routing } from '../graph/expert-slots';
import { permuteSlots, routingsOf } from '../graph/expert-slots';
import type { Replacement } from './overlay';
import { overlaid } from './overlay';
import type { TraceSource } from './trace';

/** The chosen ones of each token, slot by slot. */
export type SlotOrder = readonly Int32Array[];

/** How a dump's slots lie beside the reference's. */
export interface ExpertOrders {
  /** Choices in the order of the dump's slots, where it does not give them itself: every node is run on those. */
  readonly seeds: ReadonlyMap<string, Replacement>;
  /** The dump with the slots of each token in the reference's order: to be compared with it element by element. */
  readonly inReferenceOrder: TraceSource;
  /** What to say of it; empty where the orders are the same. */
  readonly notes: readonly string[];
}

/** A reading of the slots must fit this much better than the other before it is believed. */
const CLEARLY = 4;

/** @param golden the reference's results, on the same tokens */
export function expertOrders(dump: TraceSource, graph: Graph, golden: TraceSource): ExpertOrders {
  const seeds = new Map<string, Replacement>();
  const moved = new Map<string, Replacement>();
  const notes: string[] = [];
  for (const routing of routingsOf(graph)) {
    if (!golden.entries.has(routing.choice.key)) continue;
    const right = orderOf(golden.readF32(routing.choice.key), routing);
    const said = dump.entries.has(routing.choice.key) ? orderOf(dump.readF32(routing.choice.key), routing) : undefined;
    const told = orderByValues(dump, golden, routing, said ?? right, right);
    if (told) seeds.set(routing.choice.key, { node: routing.choice, read: () => wholeRows(told, routing, golden) });
    const order = told ?? said;
    if (!order || !isReordered(order, right)) continue;
    notes.push(noteOf(routing, told !== undefined));
    const from = slotsFrom(order, right);
    for (const { node, axes } of routing.slots) {
      if (!dump.entries.has(node.key)) continue;
      const read = (): Float32Array<ArrayBuffer> =>
        permuteSlots(dump.readF32(node.key), node, axes, (t, s) => from[t]?.[s] ?? s);
      moved.set(node.key, { node, read });
    }
  }
  return { seeds, inReferenceOrder: overlaid(dump, moved), notes: notes.slice(0, 1) };
}

function noteOf({ choice, slots }: Routing, byValues: boolean): string {
  const by = byValues ? 'their values' : `the dump's own ${choice.key}`;
  const first = slots[0]?.node.key ?? choice.key;
  return `the experts of a token stand in another order in the dump: slots are matched by ${by}, from ${first} on`;
}

/** The choice with these rows first and the others behind, which nobody reads. */
function wholeRows(order: SlotOrder, { choice }: Routing, golden: TraceSource): Float32Array<ArrayBuffer> {
  const rows = golden.readF32(choice.key);
  return withFirst(rows, choice.ne[0], (row) => order[row]);
}

/** Rows of a permutation with some of its members brought to the front; a row without any stays as it is. */
export function withFirst(
  rows: Float32Array,
  width: number,
  firstOf: (row: number) => ArrayLike<number> | undefined,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rows);
  for (let row = 0; row * width < rows.length; row++) {
    const first = firstOf(row);
    if (!first) continue;
    const taken = new Set(Array.from(first));
    const rest = rows.subarray(row * width, (row + 1) * width).filter((i) => !taken.has(i));
    const whole = [...Array.from(first), ...rest].slice(0, width);
    out.set(whole, row * width);
  }
  return out;
}

function orderOf(choice: Float32Array, { choice: { ne }, used, tokens }: Routing): SlotOrder {
  return Array.from({ length: tokens }, (_, t) => Int32Array.from(choice.subarray(t * ne[0], t * ne[0] + used)));
}

/** Whether the same ones stand in another order somewhere. */
function isReordered(order: SlotOrder, right: SlotOrder): boolean {
  return order.some((row, t) => isSameSet(row, right[t]) && row.some((e, s) => e !== right[t]?.[s]));
}

function isSameSet(a: Int32Array, b: Int32Array | undefined): boolean {
  return a.slice().sort().join() === b?.slice().sort().join();
}

/** For each token and slot of the reference, the dump's slot of the same expert; those without one keep the rest. */
function slotsFrom(order: SlotOrder, right: SlotOrder): SlotOrder {
  return right.map((row, t) => {
    const own = defined(order[t], `order of token ${t}`);
    const at = Array.from(row, (expert) => own.indexOf(expert));
    const rest = Array.from(own.keys()).filter((s) => !at.includes(s));
    return Int32Array.from(at, (s) => (s < 0 ? (rest.shift() ?? 0) : s));
  });
}

/**
 * Which expert each slot is of by its values, where that is another order than `before` in some token, and no node of
 * the routing speaks against it. Undefined where it is the same or cannot be told.
 * @param before the order that holds otherwise
 */
function orderByValues(
  dump: TraceSource,
  golden: TraceSource,
  routing: Routing,
  before: SlotOrder,
  right: SlotOrder,
): SlotOrder | undefined {
  const dumped = routing.slots.filter(({ node }) => dump.entries.has(node.key) && golden.entries.has(node.key));
  const width = (s: Routing['slots'][number]): number => s.node.ne[0] * s.node.ne[1] * s.node.ne[2];
  const [widest] = [...dumped].sort((a, b) => width(b) - width(a));
  if (!widest) return undefined;
  const [theirs, ours] = [dump, golden].map((trace) => rowsBySlot(trace, widest, routing));
  if (!theirs || !ours) return undefined;
  const order: Int32Array[] = [];
  for (let t = 0; t < routing.tokens; t++) {
    const experts = defined(right[t], `experts of token ${t}`);
    const own = defined(before[t], `order of token ${t}`);
    const slots = isSameSet(own, experts) ? matched(theirs[t] ?? [], ours[t] ?? []) : undefined;
    // a token whose experts are others than the reference's says nothing, unless its order must be known
    if (!slots && !dump.entries.has(routing.choice.key)) return undefined;
    order.push(slots ? Int32Array.from(slots, (s) => experts[s]!) : own);
  }
  if (!isReordered(order, before)) return undefined;
  const [from, stay] = [slotsFrom(order, right), slotsFrom(before, right)];
  const fits = (slot: Routing['slots'][number], moved: SlotOrder): number => distanceAt(dump, golden, slot, moved);
  if (!(fits(widest, from) * CLEARLY < fits(widest, stay))) return undefined;
  return dumped.every((slot) => !(fits(slot, stay) * CLEARLY < fits(slot, from))) ? order : undefined;
}

/** For each slot of the dump the reference's that it is nearest to, where that gives each once. */
function matched(theirs: readonly Float32Array[], ours: readonly Float32Array[]): readonly number[] | undefined {
  const nearest = theirs.map((values) => {
    const far = ours.map((other) => squaredDistance(values, other));
    return far.indexOf(Math.min(...far));
  });
  return new Set(nearest).size === ours.length && !nearest.includes(-1) ? nearest : undefined;
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

function distanceAt(
  dump: TraceSource,
  golden: TraceSource,
  { node, axes }: Routing['slots'][number],
  from: SlotOrder,
): number {
  const moved = permuteSlots(dump.readF32(node.key), node, axes, (t, s) => from[t]?.[s] ?? s);
  return squaredDistance(moved, golden.readF32(node.key));
}

/** The values of each token and slot, in the order of the tensor. */
function rowsBySlot(
  trace: TraceSource,
  { node, axes }: Routing['slots'][number],
  { used, tokens }: Routing,
): readonly (readonly Float32Array[])[] {
  const values = trace.readF32(node.key);
  const strides = [1, node.ne[0], node.ne[0] * node.ne[1], node.ne[0] * node.ne[1] * node.ne[2]];
  const [step, row] = [
    defined(strides[axes.slot], 'stride of slots'),
    defined(strides[axes.token], 'stride of tokens'),
  ];
  const size = values.length / used / tokens;
  const rows = Array.from({ length: tokens }, () => Array.from({ length: used }, () => new Float32Array(size)));
  const filled = new Int32Array(used * tokens);
  for (let i = 0; i < values.length; i++) {
    const s = Math.floor(i / step) % used;
    const t = tokens > 1 ? Math.floor(i / row) % tokens : 0;
    rows[t]![s]![filled[t * used + s]!++] = values[i]!;
  }
  return rows;
}
