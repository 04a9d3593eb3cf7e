/** What `quarrel verify --json` prints: plain data. */
import { ulpDistance } from '../base/float-bits';
import type { Finding, FindingCode } from '../gguf/findings';
import type { Dims } from '../graph/graph';
import type { BlockedTensor, BlockPlace, JsonNumber } from '../quant/block-report';
import { placeBlock } from '../quant/block-report';
import type { GgmlTypeName } from '../quant/ggml-type';
import { BLOCK_ANATOMY } from './decode-anatomy';
import type { BadBlock, DifferenceCounts, ErrorShape, LaneDifference } from './decode-difference';
import { rangesOf, shapeOf } from './decode-difference';
import type { OddScale, OddScales } from './decode-scales';
import type { ValueStatistics } from './decode-values';

/** `judge`: the others are compared with it. `not-measured` is neither equal nor different. */
export type LaneVerdict = 'judge' | 'equal' | 'different' | 'not-measured';

/** One value on which a lane and the judge differ. */
export interface ElementReport {
  /** In the block. */
  readonly element: number;
  /** i0 in the tensor. */
  readonly column: number;
  readonly subBlock: number;
  /** Position in the sub-block. */
  readonly positionInSubBlock: number;
  readonly judge: JsonNumber;
  readonly lane: JsonNumber;
  /** As 0x3f800000. */
  readonly judgeBits: string;
  readonly laneBits: string;
  /** f32 between the two; null where one is NaN. */
  readonly ulp: number | null;
}

export interface BadBlockReport {
  readonly tensor: string;
  readonly block: number;
  readonly row: number;
  readonly column: number;
  readonly coordinates: readonly number[];
  /** Mismatching values of the block, as stretches with both ends. */
  readonly elements: readonly (readonly [number, number])[];
  readonly mismatches: number;
  readonly subBlocks: readonly number[];
  readonly worst: ElementReport;
}

/** One lane on one tensor. */
export interface TensorLaneReport {
  readonly lane: string;
  readonly verdict: LaneVerdict;
  /** Why it was not measured, or not to the end; null where it was. */
  readonly reason: string | null;
  readonly mismatches: number;
  readonly counts: DifferenceCounts;
  readonly badBlocks: number;
  /** Null where nothing mismatches. */
  readonly shape: ErrorShape | null;
  readonly first: readonly BadBlockReport[];
  readonly worst: readonly BadBlockReport[];
}

export interface ScaleReport {
  readonly slot: string;
  readonly kind: OddScale;
  readonly count: number;
  /** The first blocks that have it. */
  readonly blocks: readonly { readonly block: number; readonly row: number; readonly column: number }[];
}

export interface TensorVerification {
  readonly name: string;
  readonly type: GgmlTypeName;
  readonly ne: Dims;
  /** Values that were checked: all, or those of the sample. */
  readonly values: number;
  /** Lane whose values count as right; null where no lane can decode the tensor. */
  readonly judge: string | null;
  readonly lanes: readonly TensorLaneReport[];
  /** Of the judge's values; null where there is no judge. */
  readonly statistics: ValueStatistics | null;
  /** Element, in memory order, of the first NaN or infinity; null without. */
  readonly firstNonFinite: number | null;
  /**
   * XXH64 (seed 0), in hexadecimal, of the XXH64s (each 8 bytes, low byte first) of every 2²⁰ of the judge's values as
   * little-endian f32. Null for a sample.
   */
  readonly hash: string | null;
  readonly scales: readonly ScaleReport[];
}

/** One lane on the whole model. */
export interface LaneSummary {
  readonly lane: string;
  readonly verdict: LaneVerdict;
  /** What ran: library, adapter; null where there is nothing to say. */
  readonly engine: string | null;
  /** Why it measured nothing; null where it did. */
  readonly reason: string | null;
  readonly tensors: number;
  readonly values: number;
  readonly mismatches: number;
  readonly counts: DifferenceCounts;
  readonly badTensors: number;
  /** Time of decoding, over all threads; of a device until its values were back. */
  readonly decodeSeconds: number;
}

export interface NotMeasuredTensor {
  readonly tensor: string;
  /** Null where no lane could read it. */
  readonly lane: string | null;
  readonly reason: string;
}

export interface VerifyFinding extends Omit<Finding, 'code'> {
  readonly code: FindingCode | 'fallback-type' | 'nan-scale' | 'infinite-scale' | 'non-finite-value' | 'zero-tensor';
  /** Blocks that show it, the first ones. */
  readonly blocks?: readonly number[];
}

export interface VerifyReport {
  readonly schema: 'quarrel.verify/1';
  readonly model: string;
  /** Paths of its files; findings index them. */
  readonly shards: readonly string[];
  /** `general.file_type` by llama.cpp's name; null where the file does not say it. */
  readonly declaredType: string | null;
  /** Runs of 256 values per tensor that were checked; null for all. */
  readonly sample: number | null;
  readonly lanes: readonly LaneSummary[];
  readonly tensors: readonly TensorVerification[];
  readonly notMeasured: readonly NotMeasuredTensor[];
  readonly findings: readonly VerifyFinding[];
  readonly totals: {
    readonly tensors: number;
    readonly values: number;
    /** Of the file, that held them. */
    readonly bytes: number;
    readonly mismatches: number;
  };
  readonly threads: number;
  readonly seconds: number;
  readonly valuesPerSecond: number;
}

/** What a lane showed on a tensor, placed in it. */
export function tensorLaneReport(
  tensor: BlockedTensor,
  lane: string,
  difference: LaneDifference,
  reason: string | null,
): TensorLaneReport {
  const { counts, mismatches, badBlocks, byElement, first, worst } = difference;
  const verdict = mismatches > 0 ? 'different' : reason === null ? 'equal' : 'not-measured';
  const { subBlock } = BLOCK_ANATOMY[tensor.type];
  const placed = (block: BadBlock): BadBlockReport => badBlockReport(tensor, block);
  return {
    lane,
    verdict,
    reason,
    mismatches,
    counts,
    badBlocks,
    shape: mismatches > 0 ? shapeOf(byElement, subBlock) : null,
    first: first.map(placed),
    worst: worst.map(placed),
  };
}

export function scaleReport(tensor: BlockedTensor, { slot, kind, count, blocks }: OddScales): ScaleReport {
  const place = (block: number): ScaleReport['blocks'][number] => {
    const { row, column } = placeBlock(tensor, block);
    return { block, row, column };
  };
  return { slot, kind, count, blocks: blocks.map(place) };
}

function badBlockReport(tensor: BlockedTensor, { block, elements, worst }: BadBlock): BadBlockReport {
  const place = placeBlock(tensor, block);
  const { subBlock } = BLOCK_ANATOMY[tensor.type];
  return {
    tensor: tensor.name,
    block,
    row: place.row,
    column: place.column,
    coordinates: place.coordinates,
    elements: rangesOf(elements),
    mismatches: elements.length,
    subBlocks: [...new Set(elements.map((e) => Math.floor(e / subBlock)))],
    worst: elementReport(tensor.type, place, worst),
  };
}

function elementReport(
  type: GgmlTypeName,
  place: BlockPlace,
  { element, judgeBits, laneBits }: BadBlock['worst'],
): ElementReport {
  const { subBlock } = BLOCK_ANATOMY[type];
  const values = new Float32Array(Uint32Array.of(judgeBits, laneBits).buffer);
  const judge = values[0]!;
  const lane = values[1]!;
  const ulp = ulpDistance(judge, lane);
  return {
    element,
    column: place.column + element,
    subBlock: Math.floor(element / subBlock),
    positionInSubBlock: element % subBlock,
    judge: jsonNumber(judge),
    lane: jsonNumber(lane),
    judgeBits: hex(judgeBits),
    laneBits: hex(laneBits),
    ulp: Number.isFinite(ulp) ? ulp : null,
  };
}

function hex(bits: number): string {
  return `0x${bits.toString(16).padStart(8, '0')}`;
}

function jsonNumber(x: number): JsonNumber {
  return Number.isFinite(x) ? x : (String(x) as JsonNumber);
}
