/**
 * The bad node and the stretch before it, run again from the nearest checkpoints: right, and with changes at some nodes.
 */
import { silent } from '../base/control';
import { defined } from '../base/assert';
import { QuarrelError } from '../base/errors';
import type { NodeId } from '../base/brand';
import type { JobControl } from '../base/progress';
import type { Candidate, JudgedNode } from '../divergence/examine';
import type { WeightSource } from '../gguf/model-source';
import type { Graph, GraphTensor } from '../graph/graph';
import { elementCount, isAlias, isComputing, isStateWrite, memoryOwner, tensorOf } from '../graph/graph';
import type { GraphPart } from '../graph/part';
import { planPart } from '../graph/part';
import type { Arithmetic } from '../ops/arithmetic';
import { activationType, roundActivations } from '../ops/arithmetic';
import type { NodeTurn, Override } from '../ops/executor';
import { executeGraph } from '../ops/executor';
import type { MatMulEngine } from '../ops/mat-mul-engine';
import type { Checkpoints } from '../ops/run-memory';
import { StateMemories } from '../ops/state-memories';
import type { Site } from './site';
import { workOf } from './work';

export interface ReplayRequest {
  readonly graph: Graph;
  readonly weights: WeightSource;
  /** Inputs of the graph, and values of nodes that the seed lacks. */
  readonly captured: Checkpoints;
  readonly candidate: Pick<Candidate, 'seed' | 'results' | 'mask'>;
  readonly judged: JudgedNode;
  /** The correct ways that the judge used, in its order; exact arithmetic is among them. */
  readonly arithmetics: readonly Arithmetic[];
  /** The states before this graph, by arithmetic; absent where it is the first. */
  readonly states?: StateMemories;
  readonly engine: MatMulEngine;
  readonly control: JobControl;
}

/** What a node gives instead of its right result, given its inputs. */
export type Prediction = (site: Site) => Float32Array;

interface Recorded {
  readonly sources: ReadonlyMap<number, Float32Array>;
  /** For sources with gaps: what they are views of. */
  readonly memories: ReadonlyMap<number, Float32Array>;
  readonly before: Float32Array | undefined;
}

/** One arithmetic's right run of the part. */
interface RightRun {
  readonly results: Map<NodeId, Float32Array>;
  readonly recorded: Map<NodeId, Recorded>;
}

/** A bad node that can be run again with changes. */
export interface Replayed {
  /** Where something can have gone wrong, in graph order; the judged node is the last. */
  readonly nodes: readonly GraphTensor[];
  readonly wrong: Float32Array;
  readonly mask: Uint8Array | undefined;
  readonly arithmetics: readonly Arithmetic[];
  /** About what one replay costs, in multiply-adds: for a budget. */
  readonly work: number;
  /** The judged node's right result. */
  right(arithmetic: Arithmetic): Float32Array;
  /** A node of the part on its right inputs; undefined for one that is not measured. */
  site(node: GraphTensor, arithmetic: Arithmetic): Site | undefined;
  /** The judged node's result where some nodes of the part give what `changes` predict. */
  predict(changes: ReadonlyMap<NodeId, Prediction>, arithmetic: Arithmetic): Promise<Float32Array>;
}

export class Replay implements Replayed {
  readonly end: GraphTensor;
  readonly wrong: Float32Array;
  readonly mask: Uint8Array | undefined;
  readonly nodes: readonly GraphTensor[];
  readonly work: number;
  private readonly part: GraphPart;
  private readonly runs = new Map<Arithmetic, RightRun>();
  /** Why the reference cannot compute a node, by its key. */
  private readonly notMeasured = new Map<string, string>();

  private constructor(private readonly request: ReplayRequest) {
    const { graph, candidate, judged } = request;
    this.end = judged.node;
    this.wrong = candidate.results.readF32(this.end.key);
    this.mask = judged.mask ?? candidate.mask(this.end.key);
    this.part = planPart(graph, new Set([...judged.stretch.map((t) => t.id), this.end.id]));
    this.nodes = graph.order
      .filter((id) => this.part.runs.has(id))
      .map((id) => tensorOf(graph, id))
      .filter((t) => !isAlias(t));
    this.work = workOf(graph, this.nodes);
  }

  /** Runs the part as it is right, in all arithmetics. */
  static async open(request: ReplayRequest): Promise<Replay> {
    const replay = new Replay(request);
    for (const arithmetic of request.arithmetics) await replay.runRight(arithmetic);
    return replay;
  }

  get arithmetics(): readonly Arithmetic[] {
    return this.request.arithmetics;
  }

  get graph(): Graph {
    return this.request.graph;
  }

  get weights(): WeightSource {
    return this.request.weights;
  }

  right(arithmetic: Arithmetic): Float32Array {
    const { key } = this.end;
    const result = this.runOf(arithmetic).results.get(this.end.id);
    const [missing] = this.notMeasured;
    if (!result && missing) throw new QuarrelError(`${key} has no right result: ${missing[0]}: ${missing[1]}`);
    return defined(result, `the right result of ${key}`);
  }

  site(node: GraphTensor, arithmetic: Arithmetic): Site | undefined {
    const { results, recorded } = this.runOf(arithmetic);
    const right = results.get(node.id);
    const inputs = recorded.get(node.id);
    return right && inputs && this.siteOf(node, arithmetic, right, inputs);
  }

  /** Computing nodes outside the part whose values it reads, and the inputs of the graph are left as they are. */
  get given(): readonly GraphTensor[] {
    return [...this.part.given].map((id) => tensorOf(this.request.graph, id));
  }

  /** The value of a node that is given, not computed. */
  givenValue(node: GraphTensor): Float32Array {
    const { candidate, captured } = this.request;
    const from = candidate.seed.entries.has(node.key) ? candidate.seed : captured;
    return from.readF32(node.key);
  }

  async predict(changes: ReadonlyMap<NodeId, Prediction>, arithmetic: Arithmetic): Promise<Float32Array> {
    const onlyEnd = changes.size === 1 ? changes.get(this.end.id) : undefined;
    const site = onlyEnd && this.site(this.end, arithmetic);
    if (onlyEnd && site) return rounded(onlyEnd(site), arithmetic);
    const { results } = this.runOf(arithmetic);
    const override: Override<Arithmetic> = (turn) => {
      const prediction = changes.get(turn.tensor.id);
      return prediction && rounded(prediction(this.liveSite(turn, results)), arithmetic);
    };
    const part = planPart(this.request.graph, this.affected(changes));
    let end: Float32Array | undefined;
    await this.execute(arithmetic, { ...part, values: this.held(results) }, override, (node, values) => {
      if (node.id === this.end.id) end = values;
    });
    return defined(end, `the replayed result of ${this.end.key}`);
  }

  private siteOf(node: GraphTensor, arithmetic: Arithmetic, right: Float32Array, inputs: Recorded): Site {
    const { graph, weights } = this.request;
    const isEnd = node.id === this.end.id;
    return {
      graph,
      node,
      weights,
      arithmetic,
      right,
      wrong: isEnd ? this.wrong : undefined,
      mask: isEnd ? this.mask : undefined,
      source: (index) => inputs.sources.get(index),
      memory: (index) => inputs.memories.get(index),
      earlier: (t) => this.earlier(t, arithmetic),
      before: () => inputs.before,
    };
  }

  private earlier(node: GraphTensor, arithmetic: Arithmetic): Float32Array | undefined {
    const { seed } = this.request.candidate;
    return (
      this.runOf(arithmetic).results.get(node.id) ?? (seed.entries.has(node.key) ? seed.readF32(node.key) : undefined)
    );
  }

  private liveSite(turn: NodeTurn<Arithmetic>, results: ReadonlyMap<NodeId, Float32Array>): Site {
    const { tensor, arithmetic } = turn;
    const right = defined(results.get(tensor.id), `the right result of ${tensor.key}`);
    return this.siteOf(tensor, arithmetic, right, this.record(turn));
  }

  private runOf(arithmetic: Arithmetic): RightRun {
    return defined(this.runs.get(arithmetic), `the right run in ${arithmetic}`);
  }

  private async runRight(arithmetic: Arithmetic): Promise<void> {
    const run: RightRun = { results: new Map(), recorded: new Map() };
    this.runs.set(arithmetic, run);
    const record: Override<Arithmetic> = (turn) => {
      run.recorded.set(turn.tensor.id, this.record(turn));
      return undefined;
    };
    await this.execute(arithmetic, this.part, record, (node, values) => run.results.set(node.id, values));
    for (const node of this.nodes) {
      if (!run.results.has(node.id)) this.completeWrite(node, run);
    }
  }

  /** A cache write shows no result of its own: it is what was there with the new rows in their places. */
  private completeWrite(node: GraphTensor, run: RightRun): void {
    const inputs = run.recorded.get(node.id);
    const rows = inputs?.sources.get(0);
    const at = inputs?.sources.get(1);
    if (!inputs?.before || !rows || !at || node.op !== 'SET_ROWS') return;
    const [n] = node.ne;
    const after = inputs.before.slice();
    at.forEach((row, i) => after.set(rows.subarray(i * n, (i + 1) * n), row * n));
    run.results.set(node.id, after);
  }

  /** Inputs that are no weights; those are read from the model file when they are asked for. */
  private record(turn: NodeTurn<Arithmetic>): Recorded {
    const { graph } = this.request;
    const sources = new Map<number, Float32Array>();
    const memories = new Map<number, Float32Array>();
    turn.tensor.src.forEach((id, index) => {
      if (id === undefined || memoryOwner(graph, tensorOf(graph, id)).role === 'weight') return;
      const values = turn.source(index);
      if (values) sources.set(index, values);
      const memory = hasGaps(graph, tensorOf(graph, id)) ? turn.memory(index) : undefined;
      if (memory) memories.set(index, memory);
    });
    const writes = isStateWrite(graph, turn.tensor) || turn.tensor.op === 'SET_ROWS';
    return { sources, memories, before: writes ? turn.before() : undefined };
  }

  /** The changed nodes and what reads them, as far as the end. */
  private affected(changes: ReadonlyMap<NodeId, Prediction>): ReadonlySet<NodeId> {
    const { graph } = this.request;
    const touched = new Set<NodeId>();
    const affected = new Set<NodeId>();
    for (const t of this.nodes) {
      const reads = t.src.some((id) => id !== undefined && touched.has(memoryOwner(graph, tensorOf(graph, id)).id));
      if (!reads && !changes.has(t.id)) continue;
      affected.add(t.id);
      touched.add(memoryOwner(graph, t).id);
    }
    return affected;
  }

  /** Right results of the part, and what the part itself was given. */
  private held(results: ReadonlyMap<NodeId, Float32Array>): Checkpoints {
    const { graph, candidate } = this.request;
    const own = new Map<string, Float32Array>();
    for (const [id, values] of results) {
      const node = tensorOf(graph, id);
      if (isComputing(graph, node)) own.set(node.key, values);
    }
    const entries = new Map<string, { dtype: string; shape: readonly number[] }>(candidate.seed.entries);
    for (const key of own.keys()) entries.set(key, { dtype: 'F32', shape: [] });
    const given = (key: string): Float32Array => own.get(key) ?? candidate.seed.readF32(key);
    return {
      label: candidate.seed.label,
      entries,
      readF32: given,
      readRaw: (key) => new Uint8Array(Float32Array.from(given(key)).buffer),
    };
  }

  private async execute(
    arithmetic: Arithmetic,
    part: GraphPart & { readonly values?: Checkpoints },
    override: Override<Arithmetic>,
    onResult: (node: GraphTensor, values: Float32Array) => void,
  ): Promise<void> {
    const { graph, weights, captured, candidate, states, engine, control, arithmetics } = this.request;
    await executeGraph(
      {
        graph,
        weights,
        captured,
        mode: { kind: 'free' },
        control: silent(control),
        part: { values: candidate.seed, ...part },
        states: states?.clone(arithmetics.indexOf(arithmetic)) ?? new StateMemories(),
      },
      {
        arithmetics: [arithmetic],
        engine,
        override,
        onNode: ({ tensor, results }) => onResult(tensor, results[arithmetic]),
        onNotMeasured: ({ key }, reason) => this.notMeasured.set(key, reason),
      },
    );
  }
}

/** A part of another node's result: caches, of which runs use only the first cells, do not count. */
function hasGaps(graph: Graph, t: GraphTensor): boolean {
  const owner = memoryOwner(graph, t);
  return owner.role === 'node' && elementCount(owner.ne) > elementCount(t.ne);
}

/** As an engine stores it that keeps its activations in 16 bits. */
function rounded(values: Float32Array, arithmetic: Arithmetic): Float32Array {
  const type = activationType(arithmetic);
  if (type === 'F32') return values;
  const copy = values.slice();
  roundActivations(type, copy, 0, copy.length);
  return copy;
}
