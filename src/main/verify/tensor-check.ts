import { assert } from '../../shared/base/assert';
import type { LaneDifference } from '../../shared/compare/decode-difference';
import { mergeDifference, noDifference } from '../../shared/compare/decode-difference';
import type { TensorLaneReport, TensorVerification } from '../../shared/compare/decode-report';
import { scaleReport, tensorLaneReport } from '../../shared/compare/decode-report';
import type { OddScales } from '../../shared/compare/decode-scales';
import { mergeOddScales } from '../../shared/compare/decode-scales';
import type { ValueSums } from '../../shared/compare/decode-values';
import { mergeValues, noValues, statisticsOf } from '../../shared/compare/decode-values';
import { elementCount } from '../../shared/graph/graph';
import { QUANT_FORMATS } from '../../shared/quant/registry';
import type { ModelTensor } from '../files/model-tensor';
import type { OpenLane } from './open-lanes';
import type { CpuLane, Tile, TileReport } from './tile';
import { sampledTiles, wholeTiles } from './tile';
import type { ValueKernel } from './value-kernel';

/** A lane's part in the check of one tensor. */
export interface LanePart {
  readonly lane: OpenLane;
  readonly difference: LaneDifference;
  /** Why it was not measured, or not to the end. */
  reason: string | undefined;
}

/** One tensor on its way through the lanes: what is to be done, and what has come out so far. */
export class TensorCheck {
  readonly tiles: readonly Tile[];
  readonly parts: readonly LanePart[];
  readonly sums: ValueSums = noValues();
  private readonly scales: OddScales[] = [];
  private readonly hashes: bigint[] = [];

  /**
   * @param judge lane whose values count as right
   * @param lanes all that were asked for, the judge perhaps among them
   * @param sample runs to check; undefined for all values
   */
  constructor(
    readonly tensor: ModelTensor,
    readonly judge: CpuLane,
    lanes: readonly OpenLane[],
    private readonly sample: number | undefined,
  ) {
    const { name, type, ne } = tensor;
    const elements = elementCount(ne);
    this.tiles = sample === undefined ? wholeTiles(name, elements) : sampledTiles(name, elements, sample);
    const { blockElements } = QUANT_FORMATS[type];
    this.parts = lanes.map((lane) => ({
      lane,
      difference: noDifference(blockElements),
      reason: lane.missing(type),
    }));
  }

  get values(): number {
    return this.tiles.reduce((sum, tile) => sum + tile.values, 0);
  }

  /** The lanes to be compared with the judge, as far as they still run. */
  candidates(): LanePart[] {
    return this.parts.filter((part) => part.reason === undefined && part.lane.cpu !== this.judge);
  }

  /**
   * Adds a tile; tiles come in order.
   * @param candidates the lanes that the report compares, in its order
   */
  add(report: TileReport, candidates: readonly LanePart[]): void {
    assert(report.lanes.length === candidates.length, 'as many differences as lanes');
    mergeValues(this.sums, report.values);
    mergeOddScales(this.scales, report.scales);
    this.hashes.push(report.hash);
    candidates.forEach((part, i) => mergeDifference(part.difference, report.lanes[i]!));
  }

  report(kernel: ValueKernel): TensorVerification {
    const { name, type, ne } = this.tensor;
    return {
      name,
      type,
      ne,
      values: this.sums.count,
      judge: this.judge,
      lanes: this.parts.map((part) => this.laneReport(part)),
      statistics: statisticsOf(this.sums),
      firstNonFinite: this.sums.firstNonFinite < 0 ? null : this.sums.firstNonFinite,
      hash: this.sample === undefined ? hashOfHashes(kernel, this.hashes) : null,
      scales: this.scales.map((scales) => scaleReport(this.tensor, scales)),
    };
  }

  private laneReport({ lane, difference, reason }: LanePart): TensorLaneReport {
    const report = tensorLaneReport(this.tensor, lane.name, difference, reason ?? null);
    return lane.cpu === this.judge ? { ...report, verdict: 'judge' } : report;
  }
}

function hashOfHashes(kernel: ValueKernel, hashes: readonly bigint[]): string {
  const words = BigUint64Array.from(hashes);
  return kernel.hashOf(new Uint8Array(words.buffer)).toString(16).padStart(16, '0');
}
