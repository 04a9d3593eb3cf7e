import { BLOCK_ANATOMY } from '../../../shared/compare/decode-anatomy';
import { SAME_WEIGHT } from '../../../shared/compare/tolerance';
import type { WeightFinding } from '../../../shared/divergence/cause';
import type { GgmlTypeName } from '../../../shared/quant/ggml-type';
import { formatValue } from '../format/numbers';
import type { GridCell } from '../inspector/grid-cell';
import { cellText, commonExponent, heatColour, heatLimit } from '../inspector/heat';

/** Both sides of a weight's block on one scale, so that equal colours are equal values. */
export interface WeightCells {
  readonly reference: readonly GridCell[];
  /** Undefined where it cannot be known what the candidate made of the block. */
  readonly candidate: readonly GridCell[] | undefined;
  /** Power of ten of the figures in the cells. */
  readonly exponent: number;
  readonly different: number;
}

export function weightCells(weight: WeightFinding, dark: boolean): WeightCells {
  const { reference, candidate } = weight;
  const off = differingElements(weight);
  const limit = heatLimit([...reference, ...(candidate ?? [])]);
  const exponent = commonExponent(limit);
  const cells = (values: readonly number[]): readonly GridCell[] =>
    values.map((value, i) => {
      const label = `element ${i}: reference ${formatValue(reference[i])}${candidate ? `, candidate ${formatValue(candidate[i])}` : ''}`;
      const cell = { text: cellText(value, exponent), label, marked: off.has(i) };
      if (!Number.isFinite(value)) return { ...cell, background: 'var(--non-finite)', colour: '#000000' };
      const { background, text } = heatColour(value, limit, dark);
      return { ...cell, background, colour: text };
    });
  return {
    reference: cells(reference),
    candidate: candidate ? cells(candidate) : undefined,
    exponent,
    different: off.size,
  };
}

/** Elements that the candidate decodes to something else: by more than the roundings by which its values were found. */
export function differingElements({ reference, candidate }: WeightFinding): ReadonlySet<number> {
  const largest = heatLimit(reference);
  const differs = (right: number, other: number): boolean =>
    !(Math.abs(other - right) <= SAME_WEIGHT * largest) && !(Number.isNaN(right) && Number.isNaN(other));
  return new Set(candidate?.flatMap((value, i) => (differs(reference[i] ?? NaN, value) ? [i] : [])) ?? []);
}

/** Sub-blocks of the block, those with a differing element marked. Empty for a type that has none. */
export function subBlockMarks({
  type,
  reference,
  subBlocks,
}: WeightFinding): readonly { readonly index: number; readonly off: boolean }[] {
  const size = isKnown(type) ? BLOCK_ANATOMY[type].subBlock : reference.length;
  const total = Math.ceil(reference.length / size);
  // Of a plain type every element would be one.
  if (total <= 1 || size === 1) return [];
  return Array.from({ length: total }, (_, index) => ({ index, off: subBlocks.includes(index) }));
}

/** "d0 3f 12 …" in lines of sixteen. */
export function byteLines(hex: string): readonly string[] {
  const bytes = hex.match(/../g) ?? [];
  return Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) => bytes.slice(16 * i, 16 * i + 16).join(' '));
}

function isKnown(type: string): type is GgmlTypeName {
  return Object.hasOwn(BLOCK_ANATOMY, type);
}
