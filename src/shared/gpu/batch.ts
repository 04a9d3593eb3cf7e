import { QuarrelError } from '../base/errors';
import { DeviceLostError, BufferUsage, firstLine, MAP_READ, OFFSET_ALIGNMENT } from './gpu-session';
import type { GpuSession } from './gpu-session';
import { PassTimer } from './timestamps';

/** Upload and readback go through chunks of this size, or larger where one tensor needs it. */
const CHUNK_BYTES = 1 << 20;
const PARAMS_BYTES = 64 << 10;

/** A staging buffer that is filled from the front. */
interface Chunk {
  readonly buffer: GPUBuffer;
  /** The mapped memory: of an upload chunk until it is submitted, of a readback chunk from then on. */
  memory: Uint8Array | undefined;
  used: number;
}

interface Readback {
  readonly chunk: Chunk;
  readonly offset: number;
  readonly bytes: number;
  readonly deliver: (data: Uint8Array<ArrayBuffer>) => void;
}

/** A range of a buffer. */
export interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** Receives the time that timed dispatches of one label took together. */
export type OnTime = (label: string, nanoseconds: number) => void;

/**
 * One command buffer being recorded, with what it uploads and reads back. Dispatches see uploads and results recorded
 * before them, as in a queue of their own.
 */
export class Batch {
  private readonly encoder: GPUCommandEncoder;
  private readonly uploads: Chunk[] = [];
  private readonly readbackChunks: Chunk[] = [];
  private readonly readbacks: Readback[] = [];
  private readonly scopes: { readonly label: string; readonly error: Promise<GPUError | null> }[] = [];
  private timer: PassTimer | undefined;
  private params: Chunk | undefined;
  private staging: Chunk | undefined;
  /** Bytes that wait to be read back. */
  readbackBytes = 0;
  uploadBytes = 0;
  dispatches = 0;

  /** @param onTime asks for the time of dispatches; never called where the device does not measure it */
  constructor(
    private readonly session: GpuSession,
    private readonly onTime?: OnTime,
  ) {
    session.device.pushErrorScope('validation');
    session.device.pushErrorScope('out-of-memory');
    this.encoder = session.device.createCommandEncoder();
  }

  /** A uniform buffer range that holds `bytes`. */
  uniform(bytes: Uint8Array): BufferRange {
    if (!this.params || this.params.used + bytes.length > PARAMS_BYTES) {
      this.params = this.mappedChunk(PARAMS_BYTES, BufferUsage.uniform);
    }
    return put(this.params, bytes);
  }

  /** Copies `bytes` into `target` before what is recorded next. `offset` is a multiple of 4; the length is padded to one. */
  upload(bytes: Uint8Array, target: GPUBuffer, offset: number): void {
    if (bytes.length === 0) return;
    const padded = Math.ceil(bytes.length / 4) * 4;
    if (!this.staging || this.staging.used + padded > this.staging.buffer.size) {
      this.staging = this.mappedChunk(Math.max(CHUNK_BYTES, padded), BufferUsage.copySource);
    }
    const range = put(this.staging, bytes);
    this.encoder.copyBufferToBuffer(range.buffer, range.offset, target, offset, padded);
    this.uploadBytes += padded;
  }

  /**
   * Records one dispatch. What the device finds wrong with it is reported under `label`; so is the time of a `timed` one.
   */
  dispatch(
    label: string,
    pipeline: GPUComputePipeline,
    bindings: GPUBindGroupDescriptor,
    workgroups: readonly [number, number, number],
    timed = false,
  ): void {
    const { device } = this.session;
    device.pushErrorScope('validation');
    const bindGroup = device.createBindGroup(bindings);
    this.scopes.push({ label, error: device.popErrorScope() });
    const timestampWrites = timed ? this.openTimer()?.next(label) : undefined;
    const pass = this.encoder.beginComputePass({ label, ...(timestampWrites ? { timestampWrites } : {}) });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...workgroups);
    pass.end();
    this.dispatches++;
  }

  clear(buffer: GPUBuffer): void {
    this.encoder.clearBuffer(buffer);
  }

  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    this.encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
  }

  /** Hands `bytes` bytes from byte `offset` of `buffer`, as they are now, to `deliver` once the batch has run. */
  readback(buffer: GPUBuffer, offset: number, bytes: number, deliver: Readback['deliver']): void {
    const start = offset & ~3;
    const span = Math.ceil((offset + bytes - start) / 4) * 4;
    let chunk = this.readbackChunks.at(-1);
    if (!chunk || chunk.used + span > chunk.buffer.size) {
      const size = Math.max(CHUNK_BYTES, span);
      const usage = BufferUsage.mapRead | BufferUsage.copyTarget;
      chunk = {
        buffer: this.session.device.createBuffer({ label: 'readback', size, usage }),
        memory: undefined,
        used: 0,
      };
      this.readbackChunks.push(chunk);
    }
    this.encoder.copyBufferToBuffer(buffer, start, chunk.buffer, chunk.used, span);
    this.readbacks.push({ chunk, offset: chunk.used + (offset - start), bytes, deliver });
    chunk.used += span;
    this.readbackBytes += span;
  }

  /**
   * Submits at once. The promise resolves when everything has run and been delivered; it rejects with DeviceLostError,
   * or with a QuarrelError that names `what` and quotes the device.
   */
  submit(what: string): Promise<void> {
    const { device } = this.session;
    for (const chunk of this.uploads) chunk.buffer.unmap();
    this.readTimes();
    device.queue.submit([this.encoder.finish()]);
    this.scopes.push({ label: what, error: device.popErrorScope() }, { label: what, error: device.popErrorScope() });
    const mapped = this.readbackChunks.map((chunk) => chunk.buffer.mapAsync(MAP_READ, 0, chunk.used));
    const settled = mapped.length > 0 ? Promise.allSettled(mapped) : device.queue.onSubmittedWorkDone();
    return this.finish(settled);
  }

  /** Throws the recording away; for a run that failed while recording. */
  async abandon(): Promise<void> {
    const { device } = this.session;
    const errors = [...this.scopes.map(({ error }) => error), device.popErrorScope(), device.popErrorScope()];
    await Promise.allSettled(errors);
    this.destroy();
  }

  private async finish(settled: Promise<unknown>): Promise<void> {
    try {
      const errors = await this.session.guard(Promise.all(this.scopes.map(({ error }) => error)));
      const results = await this.session.guard(settled);
      this.session.check();
      errors.forEach((error, i) => {
        if (error)
          throw new QuarrelError(`WebGPU, ${this.scopes[i]!.label}: ${firstLine(error.message)}`, error.message);
      });
      const failed = (results as PromiseSettledResult<void>[] | undefined)?.find((r) => r.status === 'rejected');
      if (failed) throw new DeviceLostError(String(failed.reason)); // nothing else makes a valid buffer unmappable
      for (const { chunk, offset, bytes, deliver } of this.readbacks) {
        chunk.memory ??= new Uint8Array(chunk.buffer.getMappedRange(0, chunk.used));
        deliver(chunk.memory.slice(offset, offset + bytes));
      }
    } finally {
      this.destroy();
    }
  }

  private openTimer(): PassTimer | undefined {
    if (!this.onTime || !this.session.canTimePasses) return undefined;
    this.timer ??= new PassTimer(this.session.device);
    return this.timer;
  }

  private readTimes(): void {
    const { timer, onTime } = this;
    if (!timer || !onTime) return;
    const { buffer, bytes } = timer.resolve(this.encoder);
    this.readback(buffer, 0, bytes, (stamps) => {
      for (const [label, nanoseconds] of timer.read(stamps)) onTime(label, nanoseconds);
    });
  }

  private mappedChunk(size: number, usage: number): Chunk {
    const buffer = this.session.device.createBuffer({ label: 'upload', size, usage, mappedAtCreation: true });
    const chunk: Chunk = { buffer, memory: new Uint8Array(buffer.getMappedRange()), used: 0 };
    this.uploads.push(chunk);
    return chunk;
  }

  private destroy(): void {
    for (const chunk of [...this.uploads, ...this.readbackChunks]) chunk.buffer.destroy();
    this.timer?.dispose();
  }
}

/** Copies `bytes` behind what the chunk holds already. */
function put(chunk: Chunk, bytes: Uint8Array): BufferRange {
  const range = { buffer: chunk.buffer, offset: chunk.used, size: bytes.length };
  chunk.memory?.set(bytes, chunk.used);
  chunk.used = Math.ceil((chunk.used + bytes.length) / OFFSET_ALIGNMENT) * OFFSET_ALIGNMENT;
  return range;
}
