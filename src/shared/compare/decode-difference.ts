/**
 * How a lane's decoded values differ from the judge's, bit by bit: by class, by place in the block, first and worst
 * blocks. Added up from tiles; plain data, since tiles are examined in other threads.
 */

/** Classes of unequal bits. */
export interface DifferenceCounts {
  /** Both are NaN with other bits. IEEE 754 leaves a NaN's payload and sign open: no mismatch. */
  nanPayload: number;
  /** The judge has an f32 subnormal, the lane a zero of its sign. A device may do that to results; a CPU lane may not. */
  flushedSubnormal: number;
  /** +0 against −0. */
  ulp0: number;
  ulp1: number;
  /** 2 … 16 ULP. */
  ulp16: number;
  /** More than 16 ULP. */
  larger: number;
  /** Opposite signs, neither a zero. */
  sign: number;
  /** One is NaN and the other not, or one is infinite and the other not, or infinities of opposite signs. */
  nonFinite: number;
}

export type DifferenceClass = keyof DifferenceCounts;

export interface BadElement {
  /** In the block. */
  readonly element: number;
  readonly judgeBits: number;
  readonly laneBits: number;
}

export interface BadBlock {
  readonly block: number;
  /** Mismatching elements, ascending. */
  readonly elements: readonly number[];
  /** The one with the largest |difference|; one with a NaN or an infinity before all others. */
  readonly worst: BadElement;
  /** |difference| of that one; infinite where it is not a number. */
  readonly size: number;
}

export interface LaneDifference {
  readonly counts: DifferenceCounts;
  /** Mismatches: all unequal bits but NaN payloads and, on a device, flushed subnormals. */
  mismatches: number;
  badBlocks: number;
  /** In how many blocks each element of a block mismatches. */
  readonly byElement: Float64Array;
  /** Lowest block numbers first. */
  first: BadBlock[];
  /** Largest difference first. */
  worst: BadBlock[];
}

const KEPT_BLOCKS = 4;

export function noDifference(blockElements: number): LaneDifference {
  const counts: DifferenceCounts = {
    nanPayload: 0,
    flushedSubnormal: 0,
    ulp0: 0,
    ulp1: 0,
    ulp16: 0,
    larger: 0,
    sign: 0,
    nonFinite: 0,
  };
  return { counts, mismatches: 0, badBlocks: 0, byElement: new Float64Array(blockElements), first: [], worst: [] };
}

/** Class of two unequal f32 bit patterns. */
export function classifyDifference(judge: number, lane: number): DifferenceClass {
  const judgeSize = judge & 0x7fffffff;
  const laneSize = lane & 0x7fffffff;
  if (judgeSize > 0x7f800000 && laneSize > 0x7f800000) return 'nanPayload';
  if (judgeSize >= 0x7f800000 || laneSize >= 0x7f800000) return 'nonFinite';
  const sameSign = (judge ^ lane) >= 0;
  if (judgeSize === 0 && laneSize === 0) return 'ulp0';
  if (sameSign && laneSize === 0 && judgeSize < 0x800000) return 'flushedSubnormal';
  if (!sameSign && judgeSize !== 0 && laneSize !== 0) return 'sign';
  const distance = sameSign ? Math.abs(judgeSize - laneSize) : judgeSize + laneSize;
  return distance === 1 ? 'ulp1' : distance <= 16 ? 'ulp16' : 'larger';
}

/**
 * Adds one block.
 * @param judge,lane f32 bits; the block's values start at `at` in both
 * @param mayFlush whether the lane is a device that may flush subnormal results
 */
export function addBlock(
  into: LaneDifference,
  block: number,
  judge: Int32Array,
  lane: Int32Array,
  at: number,
  mayFlush: boolean,
): void {
  const { byElement, counts } = into;
  const elements = byElement.length;
  let bad: number[] | undefined;
  for (let e = 0; e < elements; e++) {
    const a = judge[at + e]!;
    const b = lane[at + e]!;
    if (a === b) continue;
    const kind = classifyDifference(a, b);
    counts[kind]++;
    if (kind === 'nanPayload' || (mayFlush && kind === 'flushedSubnormal')) continue;
    into.mismatches++;
    byElement[e]!++;
    (bad ??= []).push(e);
  }
  if (bad === undefined) return;
  into.badBlocks++;
  const { worst, size } = worstOf(bad, judge, lane, at);
  const entry: BadBlock = { block, elements: bad, worst, size };
  if (into.first.length < KEPT_BLOCKS) into.first.push(entry);
  const last = into.worst[KEPT_BLOCKS - 1];
  if (last === undefined || size > last.size) into.worst = worstFirst([...into.worst, entry]);
}

/** Adds what a later part of the tensor has. */
export function mergeDifference(into: LaneDifference, later: LaneDifference): void {
  for (const kind of Object.keys(into.counts) as DifferenceClass[]) into.counts[kind] += later.counts[kind];
  into.mismatches += later.mismatches;
  into.badBlocks += later.badBlocks;
  for (let e = 0; e < into.byElement.length; e++) into.byElement[e]! += later.byElement[e]!;
  into.first = [...into.first, ...later.first].slice(0, KEPT_BLOCKS);
  into.worst = worstFirst([...into.worst, ...later.worst]);
}

/** The sort is stable: among equals the lower block stays first. */
function worstFirst(blocks: readonly BadBlock[]): BadBlock[] {
  return [...blocks].sort((a, b) => (a.size === b.size ? 0 : b.size - a.size)).slice(0, KEPT_BLOCKS);
}

const pair = new Float32Array(2);
const pairBits = new Int32Array(pair.buffer);

function worstOf(
  bad: readonly number[],
  judge: Int32Array,
  lane: Int32Array,
  at: number,
): { worst: BadElement; size: number } {
  let worst: BadElement | undefined;
  let size = -1;
  for (const element of bad) {
    const judgeBits = judge[at + element]!;
    const laneBits = lane[at + element]!;
    pairBits[0] = judgeBits;
    pairBits[1] = laneBits;
    const difference = Math.abs(pair[0]! - pair[1]!);
    const own = Number.isNaN(difference) ? Infinity : difference;
    if (own <= size) continue;
    size = own;
    worst = { element, judgeBits: judgeBits >>> 0, laneBits: laneBits >>> 0 };
  }
  return { worst: worst!, size };
}

/** `[first, last]` of each stretch of neighbours in ascending numbers. */
export function rangesOf(numbers: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const n of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === n - 1) last[1] = n;
    else ranges.push([n, n]);
  }
  return ranges;
}

/** The places of a block where an error shows, over all bad blocks. */
export interface ErrorShape {
  readonly blockElements: number;
  /** Elements that share a scale. */
  readonly subBlockElements: number;
  /** Stretches of elements that mismatch in some block, both ends included. */
  readonly elements: readonly (readonly [number, number])[];
  /** Sub-blocks that contain them. */
  readonly subBlocks: readonly number[];
  /** In how many blocks each element mismatches. */
  readonly blocksByElement: readonly number[];
}

export function shapeOf(byElement: Float64Array, subBlockElements: number): ErrorShape {
  const bad = [...byElement.keys()].filter((e) => byElement[e]! > 0);
  return {
    blockElements: byElement.length,
    subBlockElements,
    elements: rangesOf(bad),
    subBlocks: [...new Set(bad.map((e) => Math.floor(e / subBlockElements)))],
    blocksByElement: Array.from(byElement),
  };
}
