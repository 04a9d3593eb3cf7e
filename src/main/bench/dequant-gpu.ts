import type { JobControl } from '../../shared/base/progress';
import { QuarrelError } from '../../shared/base/errors';
import { Batch } from '../../shared/gpu/batch';
import { tallyBits } from '../../shared/gpu/bit-classes';
import { LOAD_SLACK } from '../../shared/gpu/buffer-pool';
import { bindings } from '../../shared/gpu/dispatch-call';
import type { GpuSession } from '../../shared/gpu/gpu-session';
import { BufferUsage } from '../../shared/gpu/gpu-session';
import type { Workgroups } from '../../shared/gpu/kernel-call';
import { perElement } from '../../shared/gpu/kernel-call';
import type { Kernel } from '../../shared/gpu/pipeline-cache';
import { PipelineCache } from '../../shared/gpu/pipeline-cache';
import type { FieldValues } from '../../shared/gpu/wgsl-struct';
import { packStruct } from '../../shared/gpu/wgsl-struct';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { supportedFormat } from '../../shared/quant/registry';
import { openShaders } from '../lanes/shader-files';
import { openNodeSession } from '../lanes/webgpu-node';
import { median, speedRatio } from './alternate';
import { sampleBlocks } from './sample-blocks';

export interface DequantGpuOptions {
  readonly types: readonly GgmlTypeName[];
  /** Alternating rounds; medians count. */
  readonly rounds: number;
  /** Bytes of f32 that one pass writes; less where the device binds less. */
  readonly outputBytes: number;
}

/** One format. Rates are GB (10⁹ bytes) of f32 written per second. */
export interface DequantGpuRow {
  readonly type: GgmlTypeName;
  readonly decode: number;
  readonly copy: number;
  /** The decode kernel's rate over the copy kernel's, median over the rounds. */
  readonly share: number;
  /** Values looked at after the last round, and how many had other bits than the scalar reference. */
  readonly checked: number;
  readonly different: number;
}

export interface DequantGpuResult {
  /** Passes timed by the device, or the wall time of a submission. */
  readonly clock: 'device' | 'wall';
  readonly outputBytes: number;
  readonly rows: readonly DequantGpuRow[];
}

/** Distinct blocks' values: more than a GPU's second-level cache helps with is only reached by repeating them. */
const TILE_VALUES = 1 << 18;
/** Dispatches per timed submission take about this long. */
const SUBMISSION_NS = 2e7;
const MOST_REPEATS = 64;
const GRANULE = 256;

/** The decode kernel against a plain copy kernel, in alternation, on the adapter of this process. */
export async function benchDequantGpu(options: DequantGpuOptions, control: JobControl): Promise<DequantGpuResult> {
  const session = await openNodeSession();
  try {
    const bench = new GpuBench(session, options);
    const rows: DequantGpuRow[] = [];
    for (const [done, type] of options.types.entries()) {
      control.throwIfCancelled();
      control.progress({ stage: 'bench', done, total: options.types.length, detail: type });
      rows.push(await bench.run(type, control));
    }
    return { clock: session.canTimePasses ? 'device' : 'wall', outputBytes: bench.outputBytes, rows };
  } finally {
    session.dispose();
  }
}

/** One kernel on its buffers. */
interface Pass {
  readonly label: string;
  readonly kernel: Kernel;
  readonly src0: GPUBuffer;
  readonly dst: GPUBuffer;
  readonly params: FieldValues;
  readonly workgroups: Workgroups;
  /** Bytes of f32 that it writes. */
  readonly written: number;
}

class GpuBench {
  readonly outputBytes: number;
  private readonly pipelines: PipelineCache;
  private readonly decoded: GPUBuffer;
  private readonly copied: GPUBuffer;

  constructor(
    private readonly session: GpuSession,
    private readonly options: DequantGpuOptions,
  ) {
    const { bindingBytes, bufferBytes } = session.limits;
    const most = Math.min(options.outputBytes, bindingBytes, bufferBytes);
    this.outputBytes = Math.floor(most / GRANULE) * GRANULE;
    this.pipelines = new PipelineCache(session, openShaders());
    this.decoded = this.buffer('decoded', this.outputBytes);
    this.copied = this.buffer('copied', this.outputBytes);
  }

  async run(type: GgmlTypeName, control: JobControl): Promise<DequantGpuRow> {
    const { blockElements, blockBytes } = supportedFormat(type);
    const blocks = Math.floor(this.outputBytes / 4 / blockElements);
    const tile = sampleBlocks(type, Math.min(blocks, 4 * Math.ceil(TILE_VALUES / blockElements / 4)));
    const src0 = this.buffer(`${type} blocks`, Math.ceil((blocks * blockBytes + LOAD_SLACK) / 4) * 4);
    try {
      await this.fill(src0, tile, blocks * blockBytes);
      const decode = await this.decodePass(type, src0, blocks);
      const copy = await this.copyPass();
      const times = await this.alternate([decode, copy], control);
      const [decodeTimes = [], copyTimes = []] = times;
      const { checked, different } = await this.check(type, tile);
      return {
        type,
        decode: decode.written / median(decodeTimes),
        copy: copy.written / median(copyTimes),
        share: speedRatio(
          decodeTimes.map((ns) => ns / decode.written),
          copyTimes.map((ns) => ns / copy.written),
        ),
        checked,
        different,
      };
    } finally {
      src0.destroy();
    }
  }

  private async decodePass(type: GgmlTypeName, src0: GPUBuffer, blocks: number): Promise<Pass> {
    const elements = blocks * supportedFormat(type).blockElements;
    const kernel = await this.pipelines.get({ op: 'decode', quant: type });
    const workgroups = perElement(Math.ceil(elements / 4));
    const label = `decode ${type}`;
    return { label, kernel, src0, dst: this.decoded, params: { blocks }, workgroups, written: 4 * elements };
  }

  private async copyPass(): Promise<Pass> {
    const kernel = await this.pipelines.get({ op: 'copy_words' });
    const quads = this.outputBytes / 16;
    const [src0, dst] = [this.decoded, this.copied];
    const written = this.outputBytes;
    return { label: 'copy', kernel, src0, dst, params: { quads }, workgroups: perElement(quads), written };
  }

  /** Nanoseconds per dispatch of each pass in each round; the first round of all warms up and finds how often to repeat. */
  private async alternate(passes: readonly Pass[], control: JobControl): Promise<readonly number[][]> {
    const repeats: number[] = [];
    for (const pass of passes) {
      await this.time(pass, 1);
      const once = await this.time(pass, 1);
      repeats.push(Math.min(MOST_REPEATS, Math.max(1, Math.round(SUBMISSION_NS / once))));
    }
    const times = passes.map((): number[] => []);
    for (let round = 0; round < this.options.rounds; round++) {
      control.throwIfCancelled();
      for (const [i, pass] of passes.entries()) times[i]?.push(await this.time(pass, repeats[i] as number));
    }
    return times;
  }

  private async time(pass: Pass, repeats: number): Promise<number> {
    const { label, kernel, src0, dst } = pass;
    let measured: number | undefined;
    const batch = new Batch(this.session, (_label, nanoseconds) => (measured = nanoseconds));
    const params = new Uint8Array(kernel.shader.params.size);
    packStruct(kernel.shader.params, pass.params, new DataView(params.buffer));
    const ranges = {
      params: batch.uniform(params),
      src0: { buffer: src0, offset: 0, size: src0.size },
      dst: { buffer: dst, offset: 0, size: dst.size },
    };
    for (let i = 0; i < repeats; i++) {
      batch.dispatch(label, kernel.pipeline, bindings(kernel, ranges, label), pass.workgroups, true);
    }
    const start = performance.now();
    await batch.submit(label);
    const wall = (performance.now() - start) * 1e6;
    if (this.session.canTimePasses && measured === undefined)
      throw new QuarrelError(`${label}: the device gave no time`);
    return Math.max(1, measured ?? wall) / repeats;
  }

  /** Writes the tile over and over. */
  private async fill(buffer: GPUBuffer, tile: Uint8Array, bytes: number): Promise<void> {
    const batch = new Batch(this.session);
    for (let at = 0; at < bytes; at += tile.length) {
      batch.upload(tile.subarray(0, Math.min(tile.length, bytes - at)), buffer, at);
    }
    await batch.submit('benchmark blocks');
  }

  /** Compares the values of the first tile with the scalar reference: a wrong kernel's speed says nothing. */
  private async check(type: GgmlTypeName, tile: Uint8Array): Promise<{ checked: number; different: number }> {
    const { blockElements, blockBytes, dequantize } = supportedFormat(type);
    const blocks = tile.length / blockBytes;
    const exact = new Float32Array(blocks * blockElements);
    dequantize(tile, 0, blocks, exact, 0);
    let got: Uint8Array<ArrayBuffer> | undefined;
    const batch = new Batch(this.session);
    batch.readback(this.decoded, 0, exact.byteLength, (data) => (got = data));
    await batch.submit('decoded values');
    if (!got) throw new QuarrelError(`${type}: the device delivered no values`);
    const { differences } = tallyBits(new Uint32Array(got.buffer), new Uint32Array(exact.buffer));
    return { checked: exact.length, different: differences };
  }

  private buffer(label: string, size: number): GPUBuffer {
    const usage = BufferUsage.storage | BufferUsage.copySource | BufferUsage.copyTarget;
    return this.session.device.createBuffer({ label, size, usage });
  }
}
