import { assert } from '../base/assert';
import { QuarrelError } from '../base/errors';
import type { GpuRunRequest } from './run-request';
import type { GraphTensor } from '../graph/graph';
import { isAlias, isComputing, isStateWrite, memoryOwner, stateName, tensorOf } from '../graph/graph';
import type { PartialRun } from '../ops/executor';
import type { Checkpoints } from '../ops/run-memory';
import { contiguousStrides, isContiguous, spanBytes } from '../ops/tensor-shape';
import { Batch } from './batch';
import { BufferPool } from './buffer-pool';
import { checkpointBytes, gather, writeCheckpoint } from './checkpoint-bytes';
import type { Placed, PlacedCall } from './dispatch-call';
import { dispatchCall } from './dispatch-call';
import type { GpuSession } from './gpu-session';
import type { GpuStates } from './gpu-states';
import type { AuxTable, KernelCall, Operand } from './kernel-call';
import { operandOf, operandRange } from './kernel-call';
import type { PipelineCache } from './pipeline-cache';
import { copyCall } from './plan-copies';
import { isEmptyNode, planOp } from './plan-op';
import type { Memory } from './tensor-memory';
import { TensorMemory } from './tensor-memory';
import type { WeightCache } from './weight-cache';

/** A batch is submitted once it holds as much. */
const MOST_DISPATCHES = 96;
const MOST_STAGED_BYTES = 8 << 20;
/** Submitted batches that may be on their way while the next is recorded. */
const MOST_IN_FLIGHT = 2;

/** One run of a captured graph; see GpuRunRequest. Use once, then dispose. */
export class GraphRun {
  private readonly pool: BufferPool;
  private readonly memory: TensorMemory;
  private readonly auxTables = new Map<string, GPUBuffer>();
  private readonly inFlight: Promise<void>[] = [];
  private batch: Batch | undefined;
  private firstOfBatch = '';

  constructor(
    private readonly session: GpuSession,
    private readonly pipelines: PipelineCache,
    private readonly weights: WeightCache,
    private readonly states: GpuStates,
    private readonly request: GpuRunRequest,
  ) {
    this.pool = new BufferPool(session);
    this.memory = new TensorMemory(request, this.pool, weights, states);
  }

  /** Throws CancelledError, a QuarrelError that names the node or the batch of nodes, or anything once the device is lost. */
  async run(): Promise<void> {
    const { graph, control } = this.request;
    const total = graph.order.length;
    try {
      for (const [index, id] of graph.order.entries()) {
        control.throwIfCancelled();
        const node = tensorOf(graph, id);
        if (!isAlias(node)) await this.runNode(node, index);
        this.memory.releaseAfter(index);
        if (this.isBatchFull()) await this.submit(node);
        if (index % 32 === 0) control.progress({ stage: 'webgpu', done: index, total, detail: node.key });
      }
      await this.submit(undefined);
      await this.drain();
      control.progress({ stage: 'webgpu', done: total, total });
    } finally {
      await this.batch?.abandon();
      await Promise.allSettled(this.inFlight);
      this.weights.release();
      this.pool.dispose();
    }
  }

  private async runNode(node: GraphTensor, index: number): Promise<void> {
    const { graph, mode, sink, part } = this.request;
    if (part && !part.runs.has(node.id)) {
      if (part.given.has(node.id)) await this.give(node, index, part);
      return;
    }
    if (isEmptyNode(node)) {
      // A recurrent state's rows to be cleared, say, when there are none.
      if (isComputing(graph, node)) writeCheckpoint(sink, node, new Uint8Array(0));
      return;
    }
    const plan = this.unknownSource(node) ?? planOp(graph, node, (slot) => this.contents(node, slot));
    if ('unsupported' in plan) {
      sink.notMeasured({ node: node.key, op: node.kind, reason: plan.unsupported });
      if (isStateWrite(graph, node)) this.states.unknown.add(stateName(memoryOwner(graph, node)));
      else await this.substitute(node, index);
      return;
    }
    await this.compute(plan, node, index);
    if (!isComputing(graph, node)) return;
    this.readResult(node);
    if (mode.kind === 'seeded' && mode.seed.entries.has(node.key)) await this.overwrite(node, index, mode.seed);
  }

  /** Why the node's own result would say nothing: a state that it reads is not what it should be. */
  private unknownSource(node: GraphTensor): { unsupported: string } | undefined {
    const { unknown } = this.states;
    if (unknown.size === 0) return undefined;
    const { graph } = this.request;
    const owners = node.src.map((id) => (id === undefined ? undefined : memoryOwner(graph, tensorOf(graph, id))));
    const state = owners.find((owner) => owner?.role === 'state' && unknown.has(stateName(owner)));
    return state && { unsupported: `not measured: ${node.kind} (reads ${state.name}, which is not measured)` };
  }

  private contents(node: GraphTensor, slot: number): Uint8Array<ArrayBuffer> | undefined {
    const id = node.src[slot];
    if (id === undefined) return undefined;
    const source = tensorOf(this.request.graph, id);
    return this.memory.contents(memoryOwner(this.request.graph, source), source.viewOffs, spanBytes(source));
  }

  private async compute(call: KernelCall, node: GraphTensor, index: number): Promise<void> {
    if (this.weights.crowded) {
      await this.submit(node);
      await this.drain();
    }
    const kernel = await this.pipelines.get(call.variant);
    const batch = this.open(node);
    const dst: Placed = { operand: call.dst, memory: this.memory.of(call.dst.owner, batch) };
    const scratch: GPUBuffer[] = [];
    const place = (operand: Operand): Placed =>
      operand.owner.id === call.dst.owner.id
        ? this.copyAside(operand, dst.memory, node, batch, scratch)
        : { operand, memory: this.memory.of(operand.owner, batch) };
    const placed: PlacedCall = {
      call,
      dst,
      sources: call.sources.map((operand) => operand && place(operand)),
      aux: call.aux && this.auxBuffer(call.aux, batch),
    };
    dispatchCall(this.session, batch, kernel, placed, node.key, index, true);
    for (const buffer of scratch) this.pool.giveBack(buffer);
  }

  /** WebGPU binds a buffer for reading or for writing, never both: a node that works in place reads a copy. */
  private copyAside(operand: Operand, from: Memory, node: GraphTensor, batch: Batch, scratch: GPUBuffer[]): Placed {
    assert(from.kind === 'buffer', `${node.key} writes into a weight`);
    const { first, end } = operandRange(operand);
    const start = first & ~3;
    const buffer = this.pool.take(end - start, node.key);
    scratch.push(buffer);
    batch.copy(from.buffer, start, buffer, 0, Math.ceil((end - start) / 4) * 4);
    return { operand: { ...operand, offset: first - start }, memory: { kind: 'buffer', buffer } };
  }

  private auxBuffer(table: AuxTable, batch: Batch): GPUBuffer {
    const known = this.auxTables.get(table.key);
    if (known) return known;
    const values = table.make();
    const buffer = this.pool.take(values.byteLength, table.key);
    batch.upload(new Uint8Array(values.buffer), buffer, 0);
    this.auxTables.set(table.key, buffer);
    return buffer;
  }

  private readResult(node: GraphTensor): void {
    const { graph, sink } = this.request;
    const batch = this.open(node);
    const operand = operandOf(graph, node);
    const { first, end } = operandRange(operand);
    const dense = isContiguous(node);
    batch.readback(this.bufferOf(node, batch), first, end - first, (data) => {
      writeCheckpoint(sink, node, dense ? data : gather(data, node));
    });
  }

  /** A node outside the part that runs gets the value that others computed. */
  private async give(node: GraphTensor, index: number, part: PartialRun): Promise<void> {
    const { captured, mode } = this.request;
    const traces = [part.values, mode.kind === 'seeded' ? mode.seed : undefined, captured];
    const known = traces.find((trace) => trace?.entries.has(node.key));
    if (!known) throw new QuarrelError(`${captured.label}: no value for ${node.key}, which the part that runs reads`);
    await this.overwrite(node, index, known);
  }

  /** Gives a node that cannot run here its value from the seed, or from the captured trace. */
  private async substitute(node: GraphTensor, index: number): Promise<void> {
    const { captured, mode } = this.request;
    const seeded = mode.kind === 'seeded' && mode.seed.entries.has(node.key);
    if (!seeded && !captured.entries.has(node.key)) {
      throw new QuarrelError(
        `${captured.label}: no value for ${node.key} (${node.kind}), which this lane cannot compute`,
      );
    }
    await this.overwrite(node, index, seeded ? mode.seed : captured);
  }

  /** Replaces a node's result by the trace's checkpoint. */
  private async overwrite(node: GraphTensor, index: number, trace: Checkpoints): Promise<void> {
    const bytes = checkpointBytes(trace, node);
    const operand = operandOf(this.request.graph, node);
    const fillsOwner = operand.owner.id === node.id;
    if (isContiguous(node) && (fillsOwner || (operand.offset % 4 === 0 && bytes.length % 4 === 0))) {
      const batch = this.open(node);
      batch.upload(bytes, this.bufferOf(node, batch), operand.offset);
      return;
    }
    await this.scatter(node, index, bytes);
  }

  /** Writes contiguous bytes into a node whose elements have gaps. */
  private async scatter(node: GraphTensor, index: number, bytes: Uint8Array): Promise<void> {
    const dst = operandOf(this.request.graph, node);
    const from: Operand = { ...dst, nb: contiguousStrides(node.type, node.ne), offset: 0 };
    const call = copyCall(from, dst);
    if (!call) throw new QuarrelError(`${node.key}: a ${node.type} result with gaps cannot be replaced`);
    const kernel = await this.pipelines.get(call.variant);
    const batch = this.open(node);
    const buffer = this.pool.take(bytes.length, node.key);
    batch.upload(bytes, buffer, 0);
    const placed: PlacedCall = {
      call,
      dst: { operand: dst, memory: this.memory.of(dst.owner, batch) },
      sources: [{ operand: from, memory: { kind: 'buffer', buffer } }],
      aux: undefined,
    };
    dispatchCall(this.session, batch, kernel, placed, node.key, index);
    this.pool.giveBack(buffer);
  }

  private bufferOf(node: GraphTensor, batch: Batch): GPUBuffer {
    const memory = this.memory.of(memoryOwner(this.request.graph, node), batch);
    assert(memory.kind === 'buffer', `${node.key} lies in a weight`);
    return memory.buffer;
  }

  private open(node: GraphTensor): Batch {
    if (!this.batch) {
      this.firstOfBatch = node.key;
      const { sink } = this.request;
      this.batch = new Batch(this.session, (key, nanoseconds) => sink.time(key, nanoseconds / 1000));
    }
    return this.batch;
  }

  private isBatchFull(): boolean {
    const { batch } = this;
    if (!batch) return false;
    return batch.dispatches >= MOST_DISPATCHES || batch.readbackBytes + batch.uploadBytes >= MOST_STAGED_BYTES;
  }

  private async submit(last: GraphTensor | undefined): Promise<void> {
    const { batch } = this;
    if (!batch) return;
    this.batch = undefined;
    const done = batch.submit(`nodes ${this.firstOfBatch} to ${last?.key ?? 'the last'}`);
    this.weights.release();
    done.catch(() => undefined); // looked at by drain
    this.inFlight.push(done);
    await this.drain(MOST_IN_FLIGHT);
  }

  /** Waits until at most `most` submitted batches are unfinished. */
  private async drain(most = 0): Promise<void> {
    while (this.inFlight.length > most) await this.inFlight.shift();
  }
}
