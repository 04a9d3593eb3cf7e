/** What a planted bug is made of. */
import type { Graph, GraphTensor } from '../../../shared/graph/graph';
import { isComputing, tensorOf } from '../../../shared/graph/graph';
import type { Arithmetic } from '../../../shared/ops/arithmetic';
import type { WeightView } from '../../files/weight-view';
import type { Dot } from './dots';
import type { Random } from './random';

/** A node about to be computed by the wrong engine. */
export interface Turn {
  readonly graph: Graph;
  readonly tensor: GraphTensor;
  readonly weights: WeightView;
  readonly arithmetic: Arithmetic;
  /** Source `index`, all elements, ne[0] fastest. */
  source(index: number): Float32Array;
  /** Any node's result, or an input leaf's data, as this run has it; nodes: only those before. */
  valueOf(key: string): Float32Array;
  /** Values of a weight as the engine holds them: what it rounds there. */
  held(values: Float32Array): Float32Array;
  /** How the engine adds up products. */
  readonly dot: Dot;
  /** What the result's memory holds so far. */
  before(): Float32Array;
  /** What the engine makes of the same inputs where it is right. */
  right(): Float32Array;
  /** The same as exactly as can be, on what the node before gave. */
  exact(): Float32Array;
}

/** The wrong result: all elements, ne[0] fastest. */
export type Mutation = (turn: Turn) => Float32Array;

/** Where a plant may grow. */
export interface Site {
  readonly graph: Graph;
  readonly weights: WeightView;
  readonly random: Random;
  /** Nodes that run, in order, cache writes included. */
  readonly nodes: readonly GraphTensor[];
  /** Source `index` of a node, views included. */
  sourceOf(node: GraphTensor, index: number): GraphTensor | undefined;
}

/** A bug with its parameters chosen. */
export interface Planted {
  /** By node key. The first of them in the graph is where the wizard must arrive. */
  readonly mutations: ReadonlyMap<string, Mutation>;
  /** The parameters, for the report. */
  readonly note: string;
  /** Nodes that this engine does not have, so never dumps. */
  readonly without?: readonly string[];
  /** Decode step from which on the engine is wrong; 0, the prompt, when absent. */
  readonly step?: number;
}

export interface PlantCommon {
  readonly name: string;
  /** Row of the bug catalogue; 0 for those in the list below its table. */
  readonly row: number;
  readonly title: string;
  /** Models in which it can be planted; those that are absent are left out. */
  readonly models: readonly string[];
  /** Instances in the full benchmark, each on another model while there are enough. */
  readonly instances?: number;
  /** Whether the reduced benchmark has it. */
  readonly reduced?: boolean;
}

/** A bug of an engine, whose results come as a dump. */
export interface EnginePlant extends PlantCommon {
  readonly kind: 'engine';
  /** Whether low precision or a subset of nodes may hide it: such a bug is dumped whole, in f32. */
  readonly weak?: boolean;
  /** Decode steps that the engine runs after the prompt. */
  readonly steps?: number;
  /** Chooses parameters; undefined where the model has no place for it. */
  plant(site: Site): Planted | undefined;
}

/** A bug of a kernel: an overlay of shipped shaders. */
export interface KernelPlant extends PlantCommon {
  readonly kind: 'kernel';
  /** Shader file and replacements in it. */
  readonly edits: (site: Site) => KernelEdits | undefined;
}

export interface KernelEdits {
  readonly files: readonly { readonly file: string; readonly replace: readonly (readonly [string, string])[] }[];
  /** The first node that runs the wrong code on inputs that show it. */
  readonly first: string;
  readonly note: string;
}

export function siteOf(graph: Graph, weights: WeightView, random: Random): Site {
  const nodes = graph.order
    .map((id) => tensorOf(graph, id))
    .filter((t) => isComputing(graph, t) || t.op === 'SET_ROWS' || t.op === 'CPY');
  return {
    graph,
    weights,
    random,
    nodes,
    sourceOf: (node, index) => {
      const id = node.src[index];
      return id === undefined ? undefined : tensorOf(graph, id);
    },
  };
}

/** One of the nodes, or one and all that follow: an engine is wrong in one layer or from some layer on. */
export function someOf<T>(random: Random, nodes: readonly T[]): readonly T[] {
  if (nodes.length === 0) return [];
  const from = random.integer(0, nodes.length - 1);
  return random.chance(0.5) ? nodes.slice(from, from + 1) : nodes.slice(from);
}

/** The same mutation at some of the nodes; undefined where there are none. */
export function plantAt(
  site: Site,
  nodes: readonly GraphTensor[],
  mutation: Mutation,
  note: string,
): Planted | undefined {
  const chosen = someOf(site.random, nodes);
  if (chosen.length === 0) return undefined;
  return { mutations: new Map(chosen.map((t) => [t.key, mutation])), note };
}
