import type { LaneDifference } from '../../shared/compare/decode-difference';
import { addBlock, noDifference } from '../../shared/compare/decode-difference';
import { BLOCK_ANATOMY } from '../../shared/compare/decode-anatomy';
import { ScaleCensus } from '../../shared/compare/decode-scales';
import type { FormatLayout } from '../../shared/quant/format';
import { QUANT_FORMATS } from '../../shared/quant/registry';
import type { CpuDecoder } from './cpu-decoders';
import { openCpuDecoder } from './cpu-decoders';
import type { CpuLane, TileLane, TileReport, TileSource, TileTask } from './tile';
import { copyTileBytes, elementAt } from './tile';
import { ValueKernel, WINDOW_VALUES } from './value-kernel';

/** Decodes tiles in every lane of this thread and compares each lane with the judge, window by window. */
export class TileChecker {
  private readonly kernel = new ValueKernel();
  private readonly decoders = new Map<CpuLane, CpuDecoder>();

  /** Throws QuarrelError where a lane cannot run here or the file cannot be read. */
  check(source: TileSource, task: TileTask): TileReport {
    const { kernel } = this;
    const layout = QUANT_FORMATS[source.type];
    const { blockBytes, blockElements } = layout;
    const census = new ScaleCensus(BLOCK_ANATOMY[source.type]);
    const differences = task.lanes.map(() => noDifference(blockElements));
    const clock = new LaneClock(task.lanes.length + 1);
    let firstNonFinite = -1;
    kernel.reset();
    for (let at = 0; at < task.values; at += WINDOW_VALUES) {
      const count = Math.min(WINDOW_VALUES, task.values - at);
      const blocks = count / blockElements;
      copyTileBytes(source, task, at, count, kernel.raw);
      census.add(kernel.raw, blocks, blockBytes, (i) => elementAt(task, at + i * blockElements) / blockElements);
      clock.start();
      this.decoder(task.judge).decode(source.type, kernel.raw, blocks, kernel.judge);
      clock.stop(0);
      kernel.add(count);
      if (firstNonFinite < 0) firstNonFinite = this.firstNonFinite(task, at, count);
      task.lanes.forEach((lane, i) => {
        clock.start();
        this.fillLane(lane, source, at, count);
        clock.stop(i + 1);
        this.compare(task, layout, at, count, lane, differences[i]!);
      });
    }
    const lastCount = task.values % WINDOW_VALUES || WINDOW_VALUES;
    const values = kernel.sums(task.values, firstNonFinite);
    return { values, hash: kernel.hash(lastCount), scales: census.found, lanes: differences, decodeMs: clock.ms };
  }

  private decoder(lane: CpuLane): CpuDecoder {
    let decoder = this.decoders.get(lane);
    if (decoder === undefined) {
      decoder = openCpuDecoder(lane);
      this.decoders.set(lane, decoder);
    }
    return decoder;
  }

  /** Puts a lane's values of the window beside the judge's. */
  private fillLane(lane: TileLane, source: TileSource, at: number, count: number): void {
    const { kernel } = this;
    if (lane.kind === 'device') kernel.lane.set(lane.values.subarray(at, at + count));
    else
      this.decoder(lane.lane).decode(
        source.type,
        kernel.raw,
        count / QUANT_FORMATS[source.type].blockElements,
        kernel.lane,
      );
  }

  private compare(
    task: TileTask,
    { blockElements }: FormatLayout,
    at: number,
    count: number,
    lane: TileLane,
    into: LaneDifference,
  ): void {
    const { kernel } = this;
    const { judgeBits, laneBits } = kernel;
    const mayFlush = lane.kind === 'device';
    const from = kernel.firstDifference(count);
    for (let b = from - (from % blockElements); b < count; b += blockElements) {
      const block = elementAt(task, at + b) / blockElements;
      addBlock(into, block, judgeBits, laneBits, b, mayFlush);
    }
  }

  /** Element in the tensor of the window's first NaN or infinity; −1 without. */
  private firstNonFinite(task: TileTask, at: number, count: number): number {
    if (!this.kernel.sawNonFinite()) return -1;
    const i = this.kernel.judgeBits.subarray(0, count).findIndex((bits) => (bits & 0x7f800000) === 0x7f800000);
    return i < 0 ? -1 : elementAt(task, at + i);
  }
}

/** Milliseconds per decoder. */
class LaneClock {
  readonly ms: number[];
  private startedAt = 0;

  constructor(lanes: number) {
    this.ms = new Array<number>(lanes).fill(0);
  }

  start(): void {
    this.startedAt = performance.now();
  }

  stop(lane: number): void {
    this.ms[lane]! += performance.now() - this.startedAt;
  }
}
