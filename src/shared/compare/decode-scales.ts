/** Scales that are NaN, infinite, subnormal or zero: counted per tensor, with the first blocks by number. */
import type { BlockAnatomy, ScaleSlot } from './decode-anatomy';

export type OddScale = 'nan' | 'infinite' | 'subnormal' | 'zero';
export const ODD_SCALES: readonly OddScale[] = ['nan', 'infinite', 'subnormal', 'zero'];

/** One kind of odd scale in one slot. */
export interface OddScales {
  readonly slot: string;
  readonly kind: OddScale;
  count: number;
  /** The first blocks that have it. */
  readonly blocks: number[];
}

const NAMED_BLOCKS = 8;

/** Looks at the scales of blocks; plain data come out, since tiles are examined in other threads. */
export class ScaleCensus {
  readonly found: OddScales[] = [];

  constructor(private readonly anatomy: BlockAnatomy) {}

  /**
   * @param src whole blocks of `blockBytes` bytes from its start on
   * @param blockOf number in the tensor of the i-th block in `src`
   */
  add(src: Uint8Array, blocks: number, blockBytes: number, blockOf: (i: number) => number): void {
    for (const slot of this.anatomy.scales) {
      const classify = CLASSIFIERS[slot.encoding];
      for (let i = 0, p = slot.offset; i < blocks; i++, p += blockBytes) {
        const kind = classify(src, p);
        if (kind !== undefined) this.note(slot, kind, blockOf(i));
      }
    }
  }

  private note(slot: ScaleSlot, kind: OddScale, block: number): void {
    let entry = this.found.find((f) => f.slot === slot.name && f.kind === kind);
    if (entry === undefined) {
      entry = { slot: slot.name, kind, count: 0, blocks: [] };
      this.found.push(entry);
    }
    entry.count++;
    if (entry.blocks.length < NAMED_BLOCKS) entry.blocks.push(block);
  }
}

/** Adds what a later part of the tensor has to what earlier parts have. */
export function mergeOddScales(into: OddScales[], later: readonly OddScales[]): void {
  for (const { slot, kind, count, blocks } of later) {
    const entry = into.find((f) => f.slot === slot && f.kind === kind);
    if (entry === undefined) {
      into.push({ slot, kind, count, blocks: [...blocks] });
      continue;
    }
    entry.count += count;
    entry.blocks.push(...blocks.slice(0, NAMED_BLOCKS - entry.blocks.length));
  }
}

type Classify = (src: Uint8Array, p: number) => OddScale | undefined;

function classifyHalf(h: number): OddScale | undefined {
  const magnitude = h & 0x7fff;
  if (magnitude >= 0x400 && magnitude < 0x7c00) return undefined; // nearly all
  if (magnitude === 0) return 'zero';
  if (magnitude < 0x400) return 'subnormal';
  return magnitude === 0x7c00 ? 'infinite' : 'nan';
}

const CLASSIFIERS: Readonly<Record<ScaleSlot['encoding'], Classify>> = {
  f16: (src, p) => classifyHalf(src[p]! | (src[p + 1]! << 8)),
  // IQ1_M: the upper nibbles of four 16-bit words, lowest first.
  'split-f16': (src, p) =>
    classifyHalf((src[p + 1]! >> 4) | (src[p + 3]! & 0xf0) | ((src[p + 5]! & 0xf0) << 4) | ((src[p + 7]! & 0xf0) << 8)),
  f32: (src, p) => {
    const bits = src[p]! | (src[p + 1]! << 8) | (src[p + 2]! << 16) | ((src[p + 3]! & 0x7f) << 24);
    if (bits >= 0x800000 && bits < 0x7f800000) return undefined;
    if (bits === 0) return 'zero';
    if (bits < 0x800000) return 'subnormal';
    return bits === 0x7f800000 ? 'infinite' : 'nan';
  },
  // the upper half of an f32
  bf16: (src, p) => {
    const bits = src[p]! | ((src[p + 1]! & 0x7f) << 8);
    if (bits >= 0x80 && bits < 0x7f80) return undefined;
    if (bits === 0) return 'zero';
    if (bits < 0x80) return 'subnormal';
    return bits === 0x7f80 ? 'infinite' : 'nan';
  },
  // As lanes read it, which is as f32: what that cannot hold is infinite.
  f64: (src, p) => {
    const x = Math.fround(new DataView(src.buffer, src.byteOffset + p, 8).getFloat64(0, true));
    if (x - x === 0) return x === 0 ? 'zero' : Math.abs(x) < 2 ** -126 ? 'subnormal' : undefined;
    return Number.isNaN(x) ? 'nan' : 'infinite';
  },
  // 2^(e − 128) as ggml halves it: the first two are f32 subnormals. 255 is NaN in the standard, a number in ggml.
  e8m0: (src, p) => (src[p] === 255 ? 'nan' : src[p]! < 2 ? 'subnormal' : undefined),
  // 0x7f is NaN in the standard, zero in ggml.
  ue4m3: (src, p) => {
    const magnitude = src[p]! & 0x7f;
    if (magnitude === 0x7f) return 'nan';
    return magnitude === 0 ? 'zero' : magnitude < 8 ? 'subnormal' : undefined;
  },
};
