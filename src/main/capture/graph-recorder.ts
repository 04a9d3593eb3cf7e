import type { NodeId } from '../../shared/base/brand';
import type { Graph, GraphTensor, TensorRole } from '../../shared/graph/graph';
import { isComputing, layerAfter, layerOf, tensorOf } from '../../shared/graph/graph';
import { GGML_OPS } from '../../shared/graph/ggml-op';
import { lastNode } from '../../shared/divergence/assemble-verdict';
import { isContiguous } from '../../shared/ops/tensor-shape';
import type { TraceWriter } from '../traces/trace-writer';
import { GraphBuilder } from './graph-builder';
import type { LayerRange } from './layer-range';
import type { LlamaLibrary } from './llama-library';
import type { ModelTensors } from './model-tensors';
import type { StateNames } from './state-names';
import type { RawTensor } from './struct-layouts';
import { BUFFER_USAGE, TENSOR_FLAG, readTensor } from './struct-layouts';
import { TensorReader, traceType } from './tensor-data';
import { WeightPager } from './weight-paging';

export interface RecorderOptions {
  readonly library: LlamaLibrary;
  readonly weights: ModelTensors;
  readonly writer: TraceWriter;
  /** undefined: every node is stored. */
  readonly layers?: LayerRange;
  /** Shared by the recorders of one run. */
  readonly states: StateNames;
  /** What an encoder's graph left to this one, which finds it among its inputs by its values. */
  readonly encoded?: Uint8Array;
  /** Called before every node that computes. */
  readonly onNode: (name: string, layer: number | undefined) => void;
}

const ENCODER_OUTPUT = 'encoder output';

/** The scheduler names its copies between devices `BACKEND#NAME#COPY`. */
const DEVICE_COPY = /^[^#]+#(.+)#\d+$/;
const STATE = /^cache_[a-z_]*l\d+$/;
/** Ops that read only a few rows of their weight, so that announcing all of it would read it for nothing. */
const SPARSE_READERS: ReadonlySet<string> = new Set(['GET_ROWS', 'MUL_MAT_ID']);

/**
 * Receives every node of one graph evaluation from llama.cpp's scheduler and turns it into a graph and checkpoints:
 * inputs at their first use, before the allocator can reuse their memory; results as soon as each node is computed.
 */
export class GraphRecorder {
  private readonly builder = new GraphBuilder();
  private readonly reader = new TensorReader();
  private readonly pager = new WeightPager();
  private readonly addresses: bigint[] = [];
  private readonly stored = new Set<NodeId>();
  private readonly timings = new Map<string, number>();
  private readonly missing: { key: string; op: string; reason: string }[] = [];
  private startedAt = 0;
  private layer: number | undefined;
  private reachedLast = false;
  private failure: Error | undefined;
  private stopping = false;

  constructor(private readonly options: RecorderOptions) {}

  /** What was thrown while recording; the evaluation was stopped then. */
  get error(): Error | undefined {
    return this.failure;
  }

  /** Whether the evaluation ended after the last wanted layer, so that the graph's tail is missing. */
  get stopped(): boolean {
    return this.stopping;
  }

  /**
   * The scheduler's callback: asked before a node runs, told after. Always wants the node, so that each is computed
   * alone and shown; returns false after a node to end the evaluation. Never throws: it is called from C.
   */
  readonly onEval = (address: bigint, ask: boolean): boolean => {
    if (this.failure !== undefined) return ask;
    try {
      if (ask) this.before(address);
      else this.after(address);
      return ask || !this.stopping;
    } catch (e) {
      this.failure = e instanceof Error ? e : new Error(String(e));
      return ask;
    }
  };

  /** The graph is an encoder's: its last node leaves its value to the decoder's graphs. */
  markEncoder(): void {
    const last = lastNode(this.builder.graph);
    if (last && last.viewSrc === undefined && isContiguous(last)) this.builder.markCarried(last.id, ENCODER_OUTPUT);
  }

  /** Writes the remaining records under their final keys; returns the graph. */
  finish(): Graph {
    const { writer } = this.options;
    const { graph, renamed } = this.builder.finish();
    const final = (key: string): string => renamed.get(key) ?? key;
    for (const id of this.stored) {
      const provisional = tensorOf(this.builder.graph, id).key;
      if (renamed.has(provisional)) writer.rename(provisional, final(provisional));
    }
    for (const [key, us] of this.timings) writer.time(final(key), us);
    for (const { key, op, reason } of this.missing) writer.notMeasured({ node: final(key), op, reason });
    return graph;
  }

  private before(address: bigint): void {
    const raw = readTensor(address);
    // Nodes of a branch that was not selected are shown but not run (GGML_TENSOR_FLAG_COMPUTE, ggml_build_forward_select).
    if ((raw.flags & TENSOR_FLAG.compute) !== 0) {
      for (const source of [...raw.src, raw.viewSrc]) if (source !== 0n) this.know(source);
      const node = this.addNode(address, raw);
      this.enterLayer(node);
      if (this.options.layers !== undefined && this.wanted()) this.storeBoundary(node);
      if (isComputing(this.builder.graph, node)) this.options.onNode(node.name, this.layer);
      this.page(node, raw, 'before');
    }
    this.startedAt = performance.now();
  }

  private after(address: bigint): void {
    const elapsed = performance.now() - this.startedAt;
    const id = this.builder.idOf(address);
    if (id === undefined) return;
    const node = tensorOf(this.builder.graph, id);
    if (isComputing(this.builder.graph, node)) {
      this.timings.set(node.key, elapsed * 1000);
      if (this.wanted()) this.store(node);
    }
    this.page(node, readTensor(address), 'after');
  }

  /** Registers a tensor that a node reads and that is no node of this evaluation itself. */
  private know(address: bigint): void {
    if (this.builder.idOf(address) !== undefined) return;
    const raw = readTensor(address);
    for (const source of [...raw.src, raw.viewSrc]) if (source !== 0n) this.know(source);
    if (GGML_OPS[raw.op] !== 'NONE') {
      this.addNode(address, raw);
      return;
    }
    const copyOf = DEVICE_COPY.exec(raw.name)?.[1];
    const original = copyOf === undefined ? undefined : this.builder.newestNamed(copyOf);
    if (original !== undefined) {
      this.builder.alias(address, original);
      return;
    }
    const named = copyOf === undefined ? raw : { ...raw, name: copyOf };
    const role = this.roleOf(named);
    const state = role === 'state' ? this.options.states.apart(address, named.name) : undefined;
    const leaf = this.builder.addLeaf(address, named, role, state);
    this.addresses[leaf.id] = address;
    if (leaf.role !== 'input') return;
    const data = this.store(leaf);
    const { encoded } = this.options;
    if (data && encoded && Buffer.compare(data, encoded) === 0) this.builder.markCarried(leaf.id, ENCODER_OUTPUT);
  }

  private addNode(address: bigint, raw: RawTensor): GraphTensor {
    const node = this.builder.addNode(address, raw);
    this.addresses[node.id] = address;
    return node;
  }

  private roleOf(raw: RawTensor): Exclude<TensorRole, 'node'> {
    const { library, weights } = this.options;
    const inFile = weights.get(raw.name);
    if (inFile !== undefined) {
      if (inFile.type === raw.type && inFile.ne.join() === raw.ne.join()) return 'weight';
      // Same name, other bytes: what the graph reads is not what lies in the file, so its data must be kept.
      return 'input';
    }
    if (STATE.test(raw.name)) return 'state';
    const owned = raw.buffer !== 0n && library.ggml_backend_buffer_get_usage(raw.buffer) === BUFFER_USAGE.any;
    return owned && (raw.flags & TENSOR_FLAG.input) === 0 ? 'state' : 'input';
  }

  /** @returns the bytes that were stored now */
  private store(t: GraphTensor): Uint8Array | undefined {
    if (this.stored.has(t.id)) return undefined;
    const type = traceType(t.type);
    if (type === undefined) {
      this.missing.push({ key: t.key, op: t.kind, reason: `a trace cannot hold ${t.type}` });
      return undefined;
    }
    const address = this.addresses[t.id]!;
    const data = this.reader.read(t, type.bytes, (dst, offset, length) =>
      this.options.library.ggml_backend_tensor_get(address, dst, offset, length),
    );
    this.options.writer.write(t.key, type.dtype, t.ne, data);
    this.stored.add(t.id);
    return data;
  }

  /** Stores what a wanted node reads from layers that are not, so that the stored part can be replayed alone. */
  private storeBoundary(node: GraphTensor): void {
    const { graph } = this.builder;
    for (const id of node.src) {
      let source = id === undefined ? undefined : tensorOf(graph, id);
      while (source?.role === 'node' && !isComputing(graph, source)) {
        const next: NodeId | undefined = source.src[0];
        source = next === undefined ? undefined : tensorOf(graph, next);
      }
      if (source?.role === 'node') this.store(source);
    }
  }

  private enterLayer(node: GraphTensor): void {
    const { layers } = this.options;
    const own = layerOf(node.name);
    if (layers !== undefined && own !== undefined) {
      if (own === layers.to) this.reachedLast = true;
      else if (own > layers.to && this.reachedLast) this.stopping = true;
    }
    this.layer = layerAfter(node.name, this.layer);
  }

  /** Whether the current node's result is to be stored; nodes without a name belong to the layer they follow. */
  private wanted(): boolean {
    const { layers } = this.options;
    if (layers === undefined) return true;
    return !this.stopping && this.layer !== undefined && this.layer >= layers.from && this.layer <= layers.to;
  }

  /** Announces or gives back the mapped weights that a node reads. */
  private page(node: GraphTensor, raw: RawTensor, when: 'before' | 'after'): void {
    const { library } = this.options;
    for (let i = 0; i < node.src.length; i++) {
      const id = node.src[i];
      if (id === undefined || tensorOf(this.builder.graph, id).role !== 'weight') continue;
      const weight = readTensor(raw.src[i]!);
      // Only a mapped file may be given back: dropping pages of other memory would erase it.
      if (library.ggml_backend_buffer_name(weight.buffer) !== 'CPU_Mapped') continue;
      const bytes = weight.ne[3] * weight.nb[3];
      if (when === 'after') this.pager.release(weight.data, bytes);
      else if (!SPARSE_READERS.has(node.op)) this.pager.willNeed(weight.data, bytes);
    }
  }
}
