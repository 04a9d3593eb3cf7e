/** Runs a captured graph on the CPU references, in several arithmetics at once. */
import { assert } from '../base/assert';
import type { NodeId } from '../base/brand';
import { QuarrelError } from '../base/errors';
import type { JobControl } from '../base/progress';
import type { WeightSource } from '../gguf/model-source';
import type { Graph, GraphTensor } from '../graph/graph';
import type { GraphPart } from '../graph/part';
import { elementCount, isComputing, isStateWrite, memoryOwner, tensorOf } from '../graph/graph';
import type { Arithmetic } from './arithmetic';
import type { BoundNode, MatMulPlan } from './compute-node';
import { computeInline, jobOf, planMatMul, roundResult, sharedPasses } from './compute-node';
import { expiringOwners } from './lifetimes';
import type { MatMulEngine } from './mat-mul-engine';
import type { OpShape } from './op';
import { gatherF32, scatterF32 } from './operand';
import { OPS, whyNotMeasured } from './registry';
import type { Checkpoints, Track } from './run-memory';
import { RunMemory } from './run-memory';
import type { StateMemories } from './state-memories';

/** Where a node's inputs come from; see `RunMode` in divergence/lane.ts. */
export type ExecutionMode = { readonly kind: 'free' } | { readonly kind: 'seeded'; readonly seed: Checkpoints };

export interface ExecutionRequest {
  readonly graph: Graph;
  readonly weights: WeightSource;
  /** Data of `input` leaves, and values of nodes that cannot be computed. */
  readonly captured: Checkpoints;
  readonly mode: ExecutionMode;
  readonly control: JobControl;
  /** Runs only this part of the graph; all of it when absent. */
  readonly part?: PartialRun;
  /** The states of the runs before, which this run goes on with; zeros when absent. */
  readonly states?: StateMemories;
}

/** A part of the graph, and the values of what it reads from the rest: captured ones where `values` has none. */
export interface PartialRun extends GraphPart {
  readonly values?: Checkpoints;
}

/** A computing node's own results, one per arithmetic, before any seeding. */
export interface NodeEvent<A extends Arithmetic> {
  readonly tensor: GraphTensor;
  /** All elements, ne[0] fastest, widened to f32. */
  readonly results: Readonly<Record<A, Float32Array>>;
  /** The seed's value, where the seed has the node. */
  readonly seed: Float32Array | undefined;
  /** 0 where no clock was given. */
  readonly microseconds: number;
  /** The node's source `index` as this arithmetic read it, widened to f32; only during the callback. */
  readonly source: (index: number, arithmetic: A) => Float32Array | undefined;
}

/**
 * Says how the seed's checkpoint of a node takes the place of a result: all its values in the order of the node, or
 * undefined to go on with the own ones. The default asks for the same number of elements.
 */
export type MergeSeed = (tensor: GraphTensor, own: Float32Array, seed: Checkpoints) => Float32Array | undefined;

/** A node that is about to be computed, in one arithmetic. */
export interface NodeTurn<A extends Arithmetic> {
  readonly tensor: GraphTensor;
  readonly arithmetic: A;
  /** The node's source `index`, widened to f32; only during the callback. */
  source(index: number): Float32Array | undefined;
  /** All of the tensor that source `index` is a view of, or is; only during the callback. */
  memory(index: number): Float32Array | undefined;
  /** What the memory of the result holds so far: a cache before it is written. */
  before(): Float32Array;
}

/** Gives another result (all elements in logical order) for a node, in place of computing it; undefined computes it. */
export type Override<A extends Arithmetic> = (turn: NodeTurn<A>) => Float32Array | undefined;

export interface ExecutionOptions<A extends Arithmetic> {
  readonly arithmetics: readonly A[];
  readonly engine: MatMulEngine;
  readonly merge?: MergeSeed;
  readonly override?: Override<A>;
  /** Microseconds, for the times of the nodes. */
  readonly clock?: () => number;
  readonly onNode: (event: NodeEvent<A>) => void | Promise<void>;
  readonly onNotMeasured: (tensor: GraphTensor, reason: string) => void;
}

/**
 * Computes every node in order. Where inputs are the same for all arithmetics they share them; where a seed lacks a
 * node each goes on with its own result. Throws CancelledError when cancelled, QuarrelError when the graph and the data
 * do not fit.
 */
export async function executeGraph<A extends Arithmetic>(
  request: ExecutionRequest,
  options: ExecutionOptions<A>,
): Promise<void> {
  const execution = new Execution(request, options);
  const { graph, control } = request;
  const expiring = expiringOwners(graph);
  for (let step = 0; step < graph.order.length; step++) {
    control.throwIfCancelled();
    const t = tensorOf(graph, graph.order[step] as NodeId);
    control.progress({ stage: 'reference', done: step, total: graph.order.length, detail: t.key });
    await execution.node(t);
    for (const owner of expiring[step] ?? []) execution.release(owner);
    await control.breathe?.();
  }
  control.throwIfCancelled();
  execution.finish();
}

class Execution<A extends Arithmetic> {
  private readonly tracks: readonly (Track & { readonly arithmetic: A })[];
  private readonly memory: RunMemory;
  private readonly graph: Graph;
  /** Memory that an unmeasured node should have written. */
  private readonly unknown = new Set<NodeId>();

  constructor(
    private readonly request: ExecutionRequest,
    private readonly options: ExecutionOptions<A>,
  ) {
    const { graph, weights, captured } = request;
    this.graph = graph;
    this.memory = new RunMemory(graph, weights, captured, options.engine.allocate);
    this.tracks = options.arithmetics.map((arithmetic) => ({ arithmetic, memories: new Map() }));
    for (const id of request.states?.load(graph, this.tracks) ?? []) this.unknown.add(id);
  }

  /** Leaves the states to the next run. */
  finish(): void {
    this.request.states?.save(this.graph, this.tracks, this.unknown);
  }

  release(owner: NodeId): void {
    this.memory.release(this.tracks, owner);
  }

  async node(t: GraphTensor): Promise<void> {
    const { part } = this.request;
    if (part && !part.runs.has(t.id)) {
      if (part.given.has(t.id)) this.give(t, part);
      return;
    }
    const reason = whyNotMeasured(this.shapeOf(t)) ?? this.unknownInput(t);
    if (OPS[t.kind].how === 'view' && reason === undefined) return;
    if (reason !== undefined) {
      this.goOnWithout(t, reason);
      return;
    }
    const { clock } = this.options;
    const begin = clock?.() ?? 0;
    const bound = await this.compute(t);
    const microseconds = (clock?.() ?? 0) - begin;
    // An engine that was stopped midway leaves an unfinished result.
    this.request.control.throwIfCancelled();
    if (isComputing(this.graph, t)) await this.show(t, bound, microseconds);
  }

  private shapeOf(t: GraphTensor): OpShape {
    const src = t.src.map((id) => (id === undefined ? undefined : tensorOf(this.graph, id)));
    return { kind: t.kind, opParams: t.opParams, dst: t, src };
  }

  /** A node whose input nobody knows cannot be measured; a view of it stays silent until it is used. */
  private unknownInput(t: GraphTensor): string | undefined {
    if (OPS[t.kind].how === 'view') return undefined;
    for (const id of t.src) {
      const owner = id === undefined ? undefined : memoryOwner(this.graph, tensorOf(this.graph, id));
      if (owner && this.unknown.has(owner.id)) return `not measured: its input ${owner.key} is not known`;
    }
    return undefined;
  }

  private async compute(t: GraphTensor): Promise<readonly BoundNode[]> {
    const bound = this.tracks.map((track) => this.bind(track, t));
    const others = bound.map((node, i) => this.options.override?.(this.turnOf(t, node, i)));
    const open = bound.flatMap((node, i) => (others[i] ? [] : { node, arithmetic: this.arithmetic(i) }));
    if (OPS[t.kind].how === 'mat-mul') await this.multiply(t, open);
    else for (const { node, arithmetic } of open) computeInline(node, arithmetic);
    others.forEach((values, i) => values && scatterF32((bound[i] as BoundNode).dst, values));
    return bound;
  }

  private turnOf(tensor: GraphTensor, node: BoundNode, track: number): NodeTurn<A> {
    return {
      tensor,
      arithmetic: this.arithmetic(track),
      source: (index) => {
        const source = node.sources[index];
        return source && gatherF32(source.rows);
      },
      memory: (index) => {
        const id = tensor.src[index];
        const owner = id === undefined ? undefined : memoryOwner(this.graph, tensorOf(this.graph, id));
        const source = owner && this.memory.source(this.trackAt(track), owner);
        return source && gatherF32(source.rows);
      },
      before: () => gatherF32(node.dst),
    };
  }

  private bind(track: Track, t: GraphTensor): BoundNode {
    const sources = t.src.map((id) =>
      id === undefined ? undefined : this.memory.source(track, tensorOf(this.graph, id)),
    );
    const inPlace = t.viewSrc !== undefined && !isStateWrite(this.graph, t);
    const dst = this.memory.target(track, t, inPlace);
    return { kind: t.kind, opParams: t.opParams, sources, dst };
  }

  /** One pass for all arithmetics that read the same rows of A, so that these are decoded once. */
  private async multiply(t: GraphTensor, nodes: readonly { node: BoundNode; arithmetic: A }[]): Promise<void> {
    const { engine } = this.options;
    const plans = nodes.map(({ node, arithmetic }) => planNamed(t, node, arithmetic, engine.allocate));
    for (const pass of sharedPasses(plans)) await engine.multiply(jobOf(pass), (pass[0] as MatMulPlan).a.place);
    for (const { node, arithmetic } of nodes) roundResult(node.dst, arithmetic);
  }

  private async show(t: GraphTensor, bound: readonly BoundNode[], microseconds: number): Promise<void> {
    const own = bound.map((node) => gatherF32(node.dst));
    const results = Object.fromEntries(own.map((values, i) => [this.arithmetic(i), values])) as Record<A, Float32Array>;
    const { mode } = this.request;
    const seed = mode.kind === 'seeded' && mode.seed.entries.has(t.key) ? mode.seed : undefined;
    const merge = this.options.merge ?? wholeSeed;
    const merged = seed && own.map((values) => merge(t, values, seed));
    await this.options.onNode({
      tensor: t,
      results,
      seed: merged?.[0],
      microseconds,
      source: (index, arithmetic) => {
        const source = bound[this.options.arithmetics.indexOf(arithmetic)]?.sources[index];
        return source && gatherF32(source.rows);
      },
    });
    merged?.forEach((values, i) => values && scatterF32((bound[i] as BoundNode).dst, values));
  }

  /** A node outside the part that runs gets the value that others computed. */
  private give(t: GraphTensor, part: PartialRun): void {
    const { mode, captured } = this.request;
    const seeds = [part.values, mode.kind === 'seeded' ? mode.seed : undefined, captured];
    const known = seeds.find((seed) => seed?.entries.has(t.key));
    if (known) this.put(t, known);
    else this.unknown.add(memoryOwner(this.graph, t).id);
  }

  /** The seed's or the capture's value takes the place of one that cannot be computed. */
  private goOnWithout(t: GraphTensor, reason: string): void {
    this.options.onNotMeasured(t, reason);
    const { mode, captured } = this.request;
    const seeds = mode.kind === 'seeded' ? [mode.seed, captured] : [captured];
    const known = seeds.find((s) => s.entries.has(t.key));
    if (!known || !isComputing(this.graph, t)) {
      this.unknown.add(memoryOwner(this.graph, t).id);
      return;
    }
    this.put(t, known);
  }

  private put(t: GraphTensor, known: Checkpoints): void {
    // A result in place does not make known the rest of the memory that it lies in.
    if (t.viewSrc !== undefined && this.unknown.has(t.viewSrc)) return;
    const values = wholeSeed(t, undefined, known);
    for (const track of this.tracks) scatterF32(this.memory.target(track, t, t.viewSrc !== undefined), values);
  }

  private arithmetic(track: number): A {
    return this.trackAt(track).arithmetic;
  }

  private trackAt(track: number): Track & { readonly arithmetic: A } {
    const found = this.tracks[track];
    assert(found, `no track ${track}`);
    return found;
  }
}

/** What is wrong with the node's inputs is said with its key. */
function planNamed(t: GraphTensor, ...plan: Parameters<typeof planMatMul>): MatMulPlan {
  try {
    return planMatMul(...plan);
  } catch (error) {
    if (error instanceof QuarrelError) throw new QuarrelError(`${t.key}: ${error.message}`);
    throw error;
  }
}

function wholeSeed(t: GraphTensor, _own: Float32Array | undefined, seed: Checkpoints): Float32Array {
  const values = seed.readF32(t.key);
  const expected = elementCount(t.ne);
  if (values.length === expected) return values;
  throw new QuarrelError(`${seed.label}: ${t.key} has ${values.length} elements; the graph's has ${expected}`);
}
