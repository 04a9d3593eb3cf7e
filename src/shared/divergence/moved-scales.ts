/**
 * A scale that an engine applies at another node than llama.cpp does: folded into Q where the soft-max has it, say. The
 * nodes between then hold other numbers and the answer is the same: a difference of convention, told from the dump's own
 * values. It is believed only where the nodes that read them come out right with it, and did not without.
 */
import type { NodeId } from '../base/brand';
import type { Graph, GraphTensor } from '../graph/graph';
import { isAlias, isComputing, memoryOwner, tensorOf } from '../graph/graph';
import { stretches, computingProducers } from '../graph/producers';
import { floatParam } from '../ops/op';
import type { ConstantFactor } from './constant-factor';
import type { JudgedNode } from './examine';

/** How often the dump's values are those of the graph, by key of the node. */
export type MovedScales = ReadonlyMap<string, MovedScale>;

export interface MovedScale {
  readonly factor: number;
  /** The scale of the graph that the factor is, or is made of. */
  readonly scale: number;
}

/** Factors that are nearer to each other are the same. */
const SAME_FACTOR = 1e-5;

/** What the graph's scales would explain of the nodes that are off by one factor, and of those that follow them. */
export function proposeScales(graph: Graph, judged: readonly JudgedNode[]): MovedScales {
  const byId = new Map(judged.map((j) => [j.node.id, j]));
  const scales = scalesOf(graph);
  const found = new Map<string, MovedScale>();
  const factors = new Map<NodeId, number>();
  for (const id of graph.order) {
    const node = tensorOf(graph, id);
    if (isAlias(node)) continue;
    const read = (index: number): number => {
      const src = node.src[index];
      return src === undefined ? 1 : (factors.get(memoryOwner(graph, tensorOf(graph, src)).id) ?? 1);
    };
    const passed = passedOn(node, read);
    const own = isComputing(graph, node) ? byId.get(id) : undefined;
    const factor = factorOf(passed ?? 1, own);
    const moved = own && isApart(factor) ? madeOf(factor, scales) : undefined;
    if (moved) found.set(node.key, moved);
    factors.set(memoryOwner(graph, node).id, own ? (moved?.factor ?? 1) : factor.value);
  }
  return found;
}

/** A node that is right on its own inputs is off as they are; one that is wrong by a factor, by that on top. */
function factorOf(passed: number, own: JudgedNode | undefined): ConstantFactor {
  if (!own?.judgement.bad) return { value: passed, within: SAME_FACTOR };
  const { value, within } = own.factor ?? { value: 1 / passed, within: 0 };
  return { value: passed * value, within: Math.max(within, SAME_FACTOR) };
}

function isApart({ value, within }: ConstantFactor): boolean {
  return Math.abs(value - 1) > within;
}

/** The scales that the graph's nodes apply. */
function scalesOf(graph: Graph): readonly number[] {
  const scales = graph.order.flatMap((id) => {
    return scaleAt(tensorOf(graph, id)) ?? [];
  });
  return [...new Set(scales)].filter((s) => Number.isFinite(s) && s > 0 && Math.abs(s - 1) > SAME_FACTOR);
}

/** The scale that a node applies to what it reads. */
function scaleAt({ kind, opParams }: GraphTensor): number | undefined {
  const applies = kind === 'SOFT_MAX' || (kind === 'SCALE' && floatParam(opParams, 1) === 0);
  return applies ? floatParam(opParams, 0) : undefined;
}

/** The factor as one of the scales, its inverse, or half of it (Q and K have a root each). */
function madeOf({ value, within }: ConstantFactor, scales: readonly number[]): MovedScale | undefined {
  for (const power of [1, -1, 0.5, -0.5]) {
    for (const scale of scales) {
      const exact = scale ** power;
      if (Math.abs(value / exact - 1) < within) return { factor: exact, scale };
    }
  }
  return undefined;
}

/** By what a node's result is multiplied where its sources are; undefined where that is no factor. */
function passedOn(node: GraphTensor, read: (index: number) => number): number | undefined {
  switch (node.kind) {
    case 'MUL':
    case 'MUL_MAT':
    case 'MUL_MAT_ID':
      return read(0) * read(1);
    case 'DIV':
      return read(0) / read(1);
    case 'SCALE':
      return floatParam(node.opParams, 1) === 0 || read(0) === 1 ? read(0) : undefined;
    case 'CONT':
    case 'CPY':
    case 'DUP':
    case 'GET_ROWS':
    case 'REPEAT':
    case 'ROPE':
    case 'SET_ROWS':
    case 'SUM':
    case 'SUM_ROWS':
    case 'MEAN':
    case 'CUMSUM':
    case 'RELU':
    case 'NEG':
    case 'PAD':
      return read(0);
    case 'RMS_NORM':
    case 'NORM':
    case 'L2_NORM':
      return 1;
    case 'SWIGLU':
    case 'GEGLU':
    case 'GEGLU_ERF':
    case 'GEGLU_QUICK':
    case 'REGLU':
      return node.src[1] !== undefined && read(0) === 1 ? read(1) : allSame(node, read, 1);
    case 'ADD':
    case 'SUB':
    case 'CONCAT':
      return allSame(node, read);
    default:
      return allSame(node, read, 1);
  }
}

/** The factor of every source, where they agree; with `only`, where it is that. */
function allSame(node: GraphTensor, read: (index: number) => number, only = read(0)): number | undefined {
  return node.src.every((src, index) => src === undefined || read(index) === only) ? only : undefined;
}

/**
 * What of a proposal holds: nodes that are connected are believed together, if they and all that read them are right with
 * it, some reader was not without, and one of them is what applies the scale. The same factor at the same node of another layer needs no such proof.
 * @param before judged without the proposal
 * @param after judged with it
 */
export function provenScales(
  graph: Graph,
  proposal: MovedScales,
  before: readonly JudgedNode[],
  after: readonly JudgedNode[],
): MovedScales {
  const bad = new Set(before.filter((j) => j.judgement.bad).map((j) => j.node.key));
  const isRight = new Map(after.map((j) => [j.node.key, !j.judgement.bad]));
  const islands = islandsOf(graph, proposal, after);
  const holds = islands.filter(
    ({ members, readers, scales }) =>
      [...members, ...readers].every((key) => isRight.get(key) === true) &&
      [...readers].some((key) => bad.has(key)) &&
      members.every((key) => scales.has(proposal.get(key)!.scale)),
  );
  const proven = new Map(holds.flatMap(({ members }) => members.map((key) => [key, proposal.get(key)!] as const)));
  const known = new Set([...proven].map(([key, { factor }]) => `${bare(key)} ${factor}`));
  for (const { members } of islands) {
    const isKnown = members.every((key) => known.has(`${bare(key)} ${proposal.get(key)!.factor}`));
    if (isKnown) for (const key of members) if (isRight.get(key) === true) proven.set(key, proposal.get(key)!);
  }
  return proven;
}

interface Island {
  readonly members: readonly string[];
  readonly readers: ReadonlySet<string>;
  /** The scales that these apply. */
  readonly scales: ReadonlySet<number>;
}

/** Moved nodes that are connected by what reads them. */
function islandsOf(graph: Graph, proposal: MovedScales, judged: readonly JudgedNode[]): readonly Island[] {
  const ends = new Set(judged.map((j) => j.node.id));
  const between = stretches(graph, (t) => ends.has(t.id));
  const producers = computingProducers(graph);
  const islands = new Map([...proposal.keys()].map((key) => [key, newIsland(key)]));
  for (const { node } of judged) {
    const inside = [...(between.get(node.id) ?? []), node.id];
    const sources = new Set(inside.flatMap((id) => producers.get(id) ?? []));
    const moved = [...sources].map((id) => tensorOf(graph, id).key).filter((key) => proposal.has(key));
    const isMoved = proposal.has(node.key);
    const scales = inside.flatMap((id) => scaleAt(tensorOf(graph, id)) ?? []);
    const [island, ...others] = [...moved, ...(isMoved ? [node.key] : [])].map((key) => islands.get(key)!);
    if (!island) continue;
    for (const scale of scales) island.scales.add(scale);
    if (moved.length > 0) island.readers.add(node.key);
    for (const other of others) {
      if (other === island) continue;
      for (const key of other.members) {
        island.members.add(key);
        islands.set(key, island);
      }
      other.readers.forEach((key) => island.readers.add(key));
      other.scales.forEach((scale) => island.scales.add(scale));
    }
  }
  return [...new Set(islands.values())].map((island) => ({ ...island, members: [...island.members] }));
}

function newIsland(key: string) {
  return { members: new Set([key]), readers: new Set<string>(), scales: new Set<number>() };
}

function bare(key: string): string {
  return key.replace(/-\d+(?=#|$)/, '');
}

/** One line per kind of node and factor. */
export function scaleNotes(scales: MovedScales): readonly string[] {
  const kinds = new Map<string, { first: string; count: number; moved: MovedScale }>();
  for (const [key, moved] of scales) {
    const kind = `${bare(key)} ${moved.factor}`;
    const known = kinds.get(kind);
    kinds.set(kind, { first: known?.first ?? key, count: (known?.count ?? 0) + 1, moved });
  }
  return [...kinds.values()].map(({ first, count, moved: { factor, scale } }) => {
    const where = count > 1 ? ` (${count} nodes, from ${first} on)` : first === bare(first) ? '' : ` (${first})`;
    const how =
      Math.abs(factor * scale - 1) < SAME_FACTOR
        ? `dumped before it is scaled by ${short(scale)}`
        : `dumped already scaled by ${short(factor)}`;
    return `${bare(first)} is ${how}${where}: what reads it makes up for that, so it is no mistake`;
  });
}

function short(x: number): string {
  return String(Number(x.toPrecision(6)));
}
