import { defined } from '../base/assert';
import type { WorstElement } from '../compare/comparison';
import type { SummedSource } from '../compare/cancellation';
import { cancellationNoise } from '../compare/cancellation';
import { givesIndices, valuesAtIndices } from '../compare/index-results';
import { coordinatesOf, compareTensors, nmseOf, squaresOf } from '../compare/metrics';
import { MARGIN, MOST_SPREAD, leastFloor, ropeFloor, storageFloor } from '../compare/tolerance';
import type { Dims, GraphTensor } from '../graph/graph';
import type { TraceDtype } from '../trace/trace';
import type { Rounding } from './rounding';

/** One node's results on the same inputs: the candidate's, and those of correct ways to compute it. */
export interface NodeEvidence {
  readonly tensor: GraphTensor;
  readonly candidate: Float32Array;
  /** Exact arithmetic: f64 accumulation. */
  readonly exact: Float32Array;
  /** Further correct ways (ggml's Q8 activations, llama.cpp's own result on these inputs). */
  readonly others: readonly Float32Array[];
  /** 1 where the candidate has a value of its own; all when absent. */
  readonly mask?: Uint8Array;
  /** Stored type of the candidate's activations. */
  readonly dtype: TraceDtype;
  /** Computing nodes since the last checkpoint on every path, this one included (1 when every source is dumped). */
  readonly stretchLength: number;
  /** How many first indices of each row are read, in any order: of experts, say. Absent where the order counts. */
  readonly unordered?: number;
  /** Largest position in the run, for rope's floor. */
  readonly maxPosition: number;
  /**
   * Source `index` of the node as exact arithmetic read it: what indices (ARGSORT, TOP_K, ARGMAX) point into, and what
   * sums cancel. Undefined for a source that is not to be read (a large quantized weight).
   */
  readonly source: (index: number) => SummedSource | undefined;
}

export interface Judgement {
  /** Wrong: neither within the floor nor rounding. */
  readonly bad: boolean;
  /** What the node rounds, where its error is that and nothing else. */
  readonly rounding?: Rounding;
  /** NMSE to the nearest correct way; in units of what its sums lose where the right result is nothing but zeros. */
  readonly localNmse: number;
  readonly noiseFloor: number;
  /** NMSE to exact arithmetic, whichever way is nearest: the candidate’s own precision here; absent where that is not known. */
  readonly toExact?: number;
  /** `reference` is the nearest correct way's value. */
  readonly worst: WorstElement;
  /** The expert of a MUL_MAT_ID whose weight gave the worst element. */
  readonly expert?: number;
  readonly nonFinite: WorstElement | undefined;
  /** Which test decided, in words. */
  readonly why: string;
}

/** How far the candidate is from the nearest correct way, as NMSE, and the noise floor at this node. */
export function measureNode(evidence: NodeEvidence): Pick<Judgement, 'localNmse' | 'noiseFloor'> {
  const { localNmse, noiseFloor } = measure(comparable(evidence));
  return { localNmse, noiseFloor };
}

/** Judges one node by its local error against its measured noise floor. NaN and Inf come first. */
export function judgeNode(evidence: NodeEvidence): Judgement {
  const e = comparable(evidence);
  const ways = [e.exact, ...e.others];
  const { nearest, localNmse, noiseFloor: floor, isNothing } = measure(e);
  const metrics = compareTensors(nearest, e.candidate, e.tensor.ne, e.mask);
  const channels = channelsOf(e);
  const judged = {
    localNmse,
    noiseFloor: floor,
    toExact: nmseOf(e.exact, e.candidate, e.mask),
    worst: metrics.worst,
    ...channels?.expertAt(metrics.worst.index),
    nonFinite: metrics.nonFinite,
  };
  if (metrics.nonFinite) {
    return {
      ...judged,
      bad: true,
      why: `${describe(metrics.nonFinite.candidate)} where ${describe(metrics.nonFinite.reference)} is right`,
    };
  }
  if (localNmse > MARGIN.node * floor) {
    return { ...judged, bad: true, why: `local error is ${times(localNmse / floor)} the noise floor` };
  }
  const channel = channels && !isNothing && worstChannel(e, ways, floor, channels);
  if (channel && channel.ratio > MARGIN.channel) {
    const { worst } = channel;
    const own = channels.expertAt(worst.index);
    const row = own ? `row ${worst.index[0]} of expert ${own.expert}` : `row ${worst.index[0]} of the weight`;
    return {
      ...judged,
      bad: true,
      worst,
      ...own,
      why: `${row} is off by ${times(channel.ratio)} its noise; the rest of the matrix is right`,
    };
  }
  return { ...judged, bad: false, why: 'within the noise floor' };
}

function nearestWay(e: NodeEvidence): { readonly nearest: Float32Array; readonly localNmse: number } {
  let nearest = e.exact;
  let localNmse = nmseOf(e.exact, e.candidate, e.mask);
  for (const way of e.others) {
    const distance = nmseOf(way, e.candidate, e.mask);
    if (distance < localNmse) [nearest, localNmse] = [way, distance];
  }
  return { nearest, localNmse };
}

function comparable(e: NodeEvidence): NodeEvidence {
  return givesIndices(e.tensor.kind) ? whatIndicesPointAt(e) : e;
}

/** The same evidence with every index replaced by the value it points at. */
function whatIndicesPointAt(e: NodeEvidence): NodeEvidence {
  const { kind, ne } = e.tensor;
  const { values: source } = defined(e.source(0), `source 0 of ${e.tensor.key}`);
  const values = (indices: Float32Array): Float32Array =>
    valuesAtIndices(kind, indices, source, kind === 'ARGMAX' ? 1 : ne[0], e.unordered);
  return { ...e, candidate: values(e.candidate), exact: values(e.exact), others: e.others.map(values) };
}

interface Measure {
  readonly nearest: Float32Array;
  readonly localNmse: number;
  readonly noiseFloor: number;
  /** Whether the terms of every sum cancelled to zero: only what the sums lose is left to measure an error by. */
  readonly isNothing: boolean;
}

/**
 * The candidate's distance and the noise floor there. What sums lose to cancellation is looked at only where it decides:
 * it takes a pass over the sources.
 */
function measure(e: NodeEvidence): Measure {
  const { nearest, localNmse } = nearestWay(e);
  const floor = noiseFloor(e);
  const plain = { nearest, localNmse, noiseFloor: floor, isNothing: false };
  if (!(localNmse > MARGIN.node * floor)) return plain;
  const lost = cancellationNoise(e.tensor.kind, e.source, e.exact.length);
  if (lost === 0) return plain;
  const { energy } = squaresOf(e.exact, e.exact, e.mask);
  if (energy > 0) return { ...plain, noiseFloor: Math.max(floor, lost / energy) };
  return { nearest, localNmse: squaresOf(nearest, e.candidate, e.mask).error / lost, noiseFloor: 1, isNothing: true };
}

/**
 * Spread between correct ways on these inputs, at least the table's floor for the op, plus what the candidate's
 * stored type rounds away. Relative to the exact result's energy, as NMSE.
 */
export function noiseFloor(e: NodeEvidence): number {
  let spread = 0;
  for (const way of e.others) {
    const distance = nmseOf(e.exact, way, e.mask);
    if (Number.isFinite(distance) && distance > spread) spread = distance;
  }
  const { kind } = e.tensor;
  const isRope = kind === 'ROPE' || kind === 'ROPE_BACK';
  const least = isRope ? ropeFloor(e.maxPosition) : leastFloor(kind).least;
  return Math.max(Math.min(spread, MOST_SPREAD), least * e.stretchLength) + storageFloor(e.dtype, e.stretchLength);
}

/** The output channels of a mat-mul: each is one weight row. */
interface Channels {
  readonly count: number;
  /** Channel of element i of the result. */
  readonly of: (i: number) => number;
  /** Which expert gave the element at these coordinates; undefined where there are none. */
  readonly expertAt: (index: Dims) => { readonly expert: number } | undefined;
}

/** Index 0 of the result; for MUL_MAT_ID that of every expert that some token uses. Undefined for other ops. */
function channelsOf(e: NodeEvidence): Channels | undefined {
  const [rows, used] = e.tensor.ne;
  if (e.tensor.kind === 'MUL_MAT') return { count: rows, of: (i) => i % rows, expertAt: () => undefined };
  if (e.tensor.kind !== 'MUL_MAT_ID') return undefined;
  const { values: ids } = defined(e.source(2), `expert numbers of ${e.tensor.key}`);
  const ranks = new Map([...new Set(ids)].map((expert, rank) => [expert, rank]));
  const rankOf = Int32Array.from(ids, (expert) => defined(ranks.get(expert), `rank of expert ${expert}`));
  return {
    count: ranks.size * rows,
    of: (i) => rankOf[Math.floor(i / rows)]! * rows + (i % rows),
    expertAt: ([, slot, token]) => {
      const expert = ids[token * used + slot];
      return expert === undefined ? undefined : { expert };
    },
  };
}

interface ChannelFinding {
  readonly ratio: number;
  readonly worst: WorstElement;
}

/**
 * The output channel with the largest squared error over its noise. The noise of a channel is its own spread between
 * ways, at least the mean over channels and the floor's share of its energy. Values that are not finite do not take part:
 * what is wrong with them has been found before.
 */
function worstChannel(
  e: NodeEvidence,
  ways: readonly Float32Array[],
  floor: number,
  channels: Channels,
): ChannelFinding | undefined {
  const { count } = channels;
  const error = new Float64Array(count);
  const noise = new Float64Array(count);
  const energy = new Float64Array(count);
  const { candidate, exact, mask } = e;
  for (let i = 0; i < exact.length; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    const x = exact[i]!;
    let near = Infinity;
    let spread = 0;
    for (const way of ways) {
      const d = Math.abs(candidate[i]! - way[i]!);
      if (d < near) near = d;
      const s = Math.abs(way[i]! - x);
      if (s > spread) spread = s;
    }
    if (near === Infinity || !Number.isFinite(x)) continue;
    const c = channels.of(i);
    error[c]! += near * near;
    noise[c]! += spread * spread;
    energy[c]! += x * x;
  }
  const mean = noise.reduce((a, b) => a + b, 0) / count;
  const meanEnergy = energy.reduce((a, b) => a + b, 0) / count;
  let worst: { channel: number; ratio: number } | undefined;
  for (let c = 0; c < count; c++) {
    if (error[c]! <= MARGIN.channelShare * Math.max(energy[c]!, meanEnergy)) continue;
    const ratio = error[c]! / Math.max(noise[c]!, mean, floor * meanEnergy, Number.MIN_VALUE);
    if (worst === undefined || ratio > worst.ratio) worst = { channel: c, ratio };
  }
  return worst && { ratio: worst.ratio, worst: worstInChannel(e, channels, worst.channel) };
}

function worstInChannel(e: NodeEvidence, channels: Channels, channel: number): WorstElement {
  let at = 0;
  let size = -1;
  for (let i = 0; i < e.exact.length; i++) {
    if (channels.of(i) !== channel || (e.mask !== undefined && e.mask[i] === 0)) continue;
    const d = Math.abs(e.candidate[i]! - e.exact[i]!);
    if (d > size) {
      size = d;
      at = i;
    }
  }
  return { index: coordinatesOf(at, e.tensor.ne), reference: e.exact[at]!, candidate: e.candidate[at]! };
}

function describe(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? 'a finite value' : value > 0 ? '+Inf' : '−Inf';
}

/** "230×" or "4.1e+9×". */
function times(ratio: number): string {
  return `${ratio < 1e5 ? ratio.toPrecision(3) : ratio.toExponential(1)}×`;
}
