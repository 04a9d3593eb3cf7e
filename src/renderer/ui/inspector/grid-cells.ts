import type { BlockInspection, MeasuredBlockLane } from '../../../shared/compare/block-lanes';
import { formatValue } from '../format/numbers';
import type { CodeGrid } from './block-content';
import { differingElements } from './block-content';
import { valueOf } from './float-bits';
import type { GridCell } from './grid-cell';
import { cellText, commonExponent, heatColour } from './heat';

/** A lane's values; elements that any lane decodes differently are marked, whichever lane is shown. */
export function valueCells(
  block: BlockInspection,
  lane: MeasuredBlockLane,
  limit: number,
  dark: boolean,
): readonly GridCell[] {
  const different = differingElements(block);
  const exponent = commonExponent(limit);
  return lane.bits.map((hex, i) => {
    const value = valueOf(hex);
    const marked = different.has(i);
    const label = `element ${i}, column ${block.column + i}: ${formatValue(value)}${marked ? ', lanes differ' : ''}`;
    const cell = { text: cellText(value, exponent), label, marked };
    if (!Number.isFinite(value)) return { ...cell, background: 'var(--non-finite)', colour: '#000000' };
    const { background, text } = heatColour(value, limit, dark);
    return { ...cell, background, colour: text };
  });
}

export function codeCells({ name, values }: CodeGrid): readonly GridCell[] {
  return values.map((value, i) => ({ text: formatValue(Number(value)), label: `${name} ${i}: ${value}` }));
}
