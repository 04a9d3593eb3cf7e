/** One block decoded by several lanes, each compared bit by bit with the judge. */
import { assert } from '../base/assert';
import type { Result } from '../base/result';
import type { BitClass } from '../gpu/bit-classes';
import { bitClass } from '../gpu/bit-classes';
import type { ProbeReport } from '../gpu/probe-block';
import type { BlockReport, JsonNumber } from '../quant/block-report';
import { jsonNumber } from '../quant/block-report';

/** What a lane decoded, or why it did not. */
export type LaneOutcome =
  | {
      readonly status: 'measured';
      /** Library or adapter; undefined where there is nothing to say. */
      readonly engine: string | undefined;
      readonly values: Float32Array<ArrayBuffer>;
    }
  | { readonly status: 'not-measured'; readonly reason: string };

/** A lane as it ran. On a device a subnormal result may be flushed; on the CPU that is a difference. */
export interface DecodedLane {
  readonly lane: string;
  readonly device: boolean;
  readonly outcome: LaneOutcome;
}

export type BlockLane =
  MeasuredBlockLane | { readonly lane: string; readonly status: 'not-measured'; readonly reason: string };

export interface MeasuredBlockLane {
  readonly lane: string;
  readonly status: 'measured';
  readonly engine: string | null;
  readonly values: readonly JsonNumber[];
  /** f32 bits of each value, eight hexadecimal digits. */
  readonly bits: readonly string[];
  /** Against the judge: how many values are of each class. */
  readonly classes: Readonly<Record<BitClass, number>>;
  /** Elements that differ in a way that nothing allows, ascending. */
  readonly different: readonly number[];
}

/** What `quarrel block --lanes --json` prints and the block inspector shows. */
export interface BlockInspection extends BlockReport {
  /** The lane the others are compared with: llama, or scalar where the library has no decoder; null when neither ran. */
  readonly judge: string | null;
  readonly lanes: readonly BlockLane[];
  /** What the WGSL kernel computed on the way; null where no WGSL lane ran. */
  readonly probe: Result<ProbeReport> | null;
}

const JUDGES = ['llama', 'scalar'] as const;

/** Compares the lanes with the best judge among them. Without a judge nothing is called different, nor equal. */
export function compareBlockLanes(lanes: readonly DecodedLane[]): Pick<BlockInspection, 'judge' | 'lanes'> {
  const judge = JUDGES.map((name) => lanes.find((l) => l.lane === name)).find((l) => l?.outcome.status === 'measured');
  const exact = judge?.outcome.status === 'measured' ? bitsOf(judge.outcome.values) : undefined;
  return { judge: judge?.lane ?? null, lanes: lanes.map((lane) => blockLane(lane, exact)) };
}

function blockLane({ lane, device, outcome }: DecodedLane, exact: Uint32Array | undefined): BlockLane {
  if (outcome.status === 'not-measured') return { lane, ...outcome };
  const bits = bitsOf(outcome.values);
  const classes = { equal: 0, flushed: 0, nan: 0, different: 0 };
  const different: number[] = [];
  if (exact) {
    assert(bits.length === exact.length, `${lane} decoded ${bits.length} values, the judge ${exact.length}`);
    bits.forEach((word, i) => {
      const found = bitClass(word, exact[i] as number);
      const allowed = found === 'flushed' && !device ? 'different' : found;
      classes[allowed]++;
      if (allowed === 'different') different.push(i);
    });
  }
  return {
    lane,
    status: 'measured',
    engine: outcome.engine ?? null,
    values: Array.from(outcome.values, jsonNumber),
    bits: Array.from(bits, (word) => word.toString(16).padStart(8, '0')),
    classes,
    different,
  };
}

function bitsOf(values: Float32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
