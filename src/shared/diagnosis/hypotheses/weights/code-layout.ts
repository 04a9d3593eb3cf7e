/** Where the bits of codes lie in a block: in planes of a byte group, and what becomes of them in another layout. */
import type { GgmlTypeName } from '../../../quant/ggml-type';

/**
 * Codes of `bits` bits: of `group` elements the first `group × bits / 8` lie in the lowest bits of as many bytes, the
 * next in the bits above. Nibbles in the order of the elements have group 2.
 */
export interface CodeBits {
  readonly bits: 1 | 2 | 4;
  readonly group: number;
  /** Bit of the code at which they begin. */
  readonly at: number;
}

export interface CodeLayout {
  readonly low: CodeBits;
  readonly high?: CodeBits;
}

const nibbles = (group: number): CodeBits => ({ bits: 4, group, at: 0 });
const pairs = (group: number): CodeBits => ({ bits: 2, group, at: 0 });

const LAYOUTS: Partial<Record<GgmlTypeName, CodeLayout>> = {
  Q4_0: { low: nibbles(32) },
  Q4_1: { low: nibbles(32) },
  IQ4_NL: { low: nibbles(32) },
  MXFP4: { low: nibbles(32) },
  IQ4_XS: { low: nibbles(32) },
  NVFP4: { low: nibbles(16) },
  Q4_K: { low: nibbles(64) },
  Q5_0: { low: nibbles(32), high: { bits: 1, group: 8, at: 4 } },
  Q5_1: { low: nibbles(32), high: { bits: 1, group: 8, at: 4 } },
  Q5_K: { low: nibbles(64), high: { bits: 1, group: 256, at: 4 } },
  Q6_K: { low: nibbles(128), high: { bits: 2, group: 128, at: 4 } },
  Q2_K: { low: pairs(128) },
  Q3_K: { low: pairs(128), high: { bits: 1, group: 256, at: 2 } },
  TQ2_0: { low: pairs(128) },
  Q2_0: { low: pairs(4) },
  Q1_0: { low: { bits: 1, group: 8, at: 0 } },
};

export function layoutOfCodes(type: GgmlTypeName): CodeLayout | undefined {
  return LAYOUTS[type];
}

/** Another way to lay out the same bits. */
export interface OtherLayout {
  readonly label: string;
  readonly group: number;
  /** The highest bits first. */
  readonly reversed: boolean;
}

/** All layouts of a block of `elements` other than the right one, likely ones first. */
export function otherLayouts({ bits, group }: CodeBits, elements: number): readonly OtherLayout[] {
  const planes = 8 / bits;
  const groups = [planes, 16, 32, 64, 128, 256].filter(
    (g, i, all) => g >= planes && g <= elements && all.indexOf(g) === i,
  );
  const swapped: OtherLayout = { label: 'high and low swapped', group, reversed: true };
  const others = groups
    .filter((g) => g !== group)
    .flatMap((g): OtherLayout[] => {
      const name = g === planes ? 'in the order of elements' : `split by ${g}`;
      return [
        { label: name, group: g, reversed: false },
        { label: `${name}, high and low swapped`, group: g, reversed: true },
      ];
    });
  return [swapped, ...others];
}

/** Which right element each element's bits belong to, where they are read in another layout. */
export function misreadOrder(right: CodeBits, wrong: OtherLayout, elements: number): Uint8Array {
  const owner = new Uint8Array(elements);
  for (let e = 0; e < elements; e++) owner[position(e, right.bits, right.group, false)] = e;
  return Uint8Array.from({ length: elements }, (_, e) => owner[position(e, right.bits, wrong.group, wrong.reversed)]!);
}

/** Position of an element's bits: byte × planes + plane. */
function position(e: number, bits: number, group: number, reversed: boolean): number {
  const planes = 8 / bits;
  const bytes = group / planes;
  const within = e % group;
  const plane = Math.floor(within / bytes);
  const byte = Math.floor(e / group) * bytes + (within % bytes);
  return byte * planes + (reversed ? planes - 1 - plane : plane);
}
