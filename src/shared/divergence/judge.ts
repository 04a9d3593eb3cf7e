import { defined } from '../base/assert';
import type { WorstElement } from '../compare/comparison';
import { givesIndices, valuesAtIndices } from '../compare/index-results';
import { coordinatesOf, compareTensors, nmseOf } from '../compare/metrics';
import { leastFloor, MARGIN, ropeFloor, storageFloor } from '../compare/tolerance';
import type { GraphTensor } from '../graph/graph';
import type { TraceDtype } from '../trace/trace';

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
  /** Largest position in the run, for rope's floor. */
  readonly maxPosition: number;
  /** Source `index` of the node as exact arithmetic read it: what indices (ARGSORT, TOP_K, ARGMAX) point into. */
  readonly source: (index: number) => Float32Array | undefined;
}

export interface Judgement {
  readonly bad: boolean;
  /** NMSE to the nearest correct way. */
  readonly localNmse: number;
  readonly noiseFloor: number;
  /** `reference` is the nearest correct way's value. */
  readonly worst: WorstElement;
  readonly nonFinite: WorstElement | undefined;
  /** Which test decided, in words. */
  readonly why: string;
}

/** Judges one node by its local error against its measured noise floor. NaN and Inf come first. */
export function judgeNode(evidence: NodeEvidence): Judgement {
  const e = givesIndices(evidence.tensor.kind) ? whatIndicesPointAt(evidence) : evidence;
  const floor = noiseFloor(e);
  const ways = [e.exact, ...e.others];
  let nearest = e.exact;
  let localNmse = nmseOf(e.exact, e.candidate, e.mask);
  for (const way of e.others) {
    const distance = nmseOf(way, e.candidate, e.mask);
    if (distance < localNmse) [nearest, localNmse] = [way, distance];
  }
  const metrics = compareTensors(nearest, e.candidate, e.tensor.ne, e.mask);
  const judged = { localNmse, noiseFloor: floor, worst: metrics.worst, nonFinite: metrics.nonFinite };
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
  const channel = e.tensor.kind === 'MUL_MAT' ? worstChannel(e, ways, floor) : undefined;
  if (channel && channel.ratio > MARGIN.channel) {
    return {
      ...judged,
      bad: true,
      worst: channel.worst,
      why: `row ${channel.channel} of the weight is off by ${times(channel.ratio)} its noise; the rest of the matrix is right`,
    };
  }
  return { ...judged, bad: false, why: 'within the noise floor' };
}

/** The same evidence with every index replaced by the value it points at. */
function whatIndicesPointAt(e: NodeEvidence): NodeEvidence {
  const { kind, ne } = e.tensor;
  const source = defined(e.source(0), `source 0 of ${e.tensor.key}`);
  const values = (indices: Float32Array): Float32Array =>
    valuesAtIndices(kind, indices, source, kind === 'ARGMAX' ? 1 : ne[0]);
  return { ...e, candidate: values(e.candidate), exact: values(e.exact), others: e.others.map(values) };
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
  const least = e.tensor.kind === 'ROPE' ? ropeFloor(e.maxPosition) : leastFloor(e.tensor.kind).least;
  return Math.max(spread, least * e.stretchLength) + storageFloor(e.dtype, e.stretchLength);
}

interface ChannelFinding {
  readonly channel: number;
  readonly ratio: number;
  readonly worst: WorstElement;
}

/**
 * The output channel (index 0 of the result: a weight row) with the largest squared error over its noise. The noise
 * of a channel is its own spread between ways, at least the mean over channels and the floor's share of its energy.
 */
function worstChannel(e: NodeEvidence, ways: readonly Float32Array[], floor: number): ChannelFinding | undefined {
  const channels = e.tensor.ne[0];
  const error = new Float64Array(channels);
  const noise = new Float64Array(channels);
  const energy = new Float64Array(channels);
  const { candidate, exact, mask } = e;
  for (let i = 0; i < exact.length; i++) {
    if (mask !== undefined && mask[i] === 0) continue;
    const c = i % channels;
    const x = exact[i]!;
    let near = Infinity;
    let spread = 0;
    for (const way of ways) {
      const d = Math.abs(candidate[i]! - way[i]!);
      if (d < near) near = d;
      const s = Math.abs(way[i]! - x);
      if (s > spread) spread = s;
    }
    error[c]! += near * near;
    noise[c]! += spread * spread;
    energy[c]! += x * x;
  }
  const mean = noise.reduce((a, b) => a + b, 0) / channels;
  const meanEnergy = energy.reduce((a, b) => a + b, 0) / channels;
  let worst: { channel: number; ratio: number } | undefined;
  for (let c = 0; c < channels; c++) {
    if (error[c]! <= MARGIN.channelShare * Math.max(energy[c]!, meanEnergy)) continue;
    const ratio = error[c]! / Math.max(noise[c]!, mean, floor * meanEnergy, Number.MIN_VALUE);
    if (worst === undefined || ratio > worst.ratio) worst = { channel: c, ratio };
  }
  return worst && { ...worst, worst: worstInChannel(e, worst.channel) };
}

function worstInChannel(e: NodeEvidence, channel: number): WorstElement {
  const channels = e.tensor.ne[0];
  let at = channel;
  let size = -1;
  for (let i = channel; i < e.exact.length; i += channels) {
    const d = Math.abs(e.candidate[i]! - e.exact[i]!);
    if ((e.mask === undefined || e.mask[i] !== 0) && d > size) {
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
