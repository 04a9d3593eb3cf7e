import type { HeatMap } from '../../../shared/divergence/cause';
import type { LogRange, Rgb } from '../timeline/colour-scale';
import { rampColour, scalePosition } from '../timeline/colour-scale';

/** Relative errors that get a colour of their own; what is larger looks like the largest. */
export const HEAT_RANGE: LogRange = { min: -4, max: 0 };
/** What stands for an infinite error in a verdict. */
const INFINITE = 1e300;

/** A cell's state: the reader must tell "equal" and "not compared" from "small". */
export type HeatCell =
  | { readonly kind: 'not-compared' }
  | { readonly kind: 'equal' }
  | { readonly kind: 'non-finite' }
  | { readonly kind: 'error'; readonly value: number };

export function heatCell(value: number | null | undefined): HeatCell {
  if (value === null || value === undefined) return { kind: 'not-compared' };
  if (value >= INFINITE) return { kind: 'non-finite' };
  return value === 0 ? { kind: 'equal' } : { kind: 'error', value };
}

/** Colour of an error on the ramp. */
export function heatRgb(value: number, ramp: readonly Rgb[]): Rgb {
  return rampColour(ramp, scalePosition(value, HEAT_RANGE));
}

/** Elements and rows of a cell: "elements 128…131, row 3". */
export function cellPlace(heat: HeatMap, column: number, row: number): string {
  const elements = spanText(column, heat.elementsPerColumn, column === heat.columns - 1);
  const rows = spanText(row, heat.rowsPerRow, row === heat.rows - 1);
  return `${heat.elementsPerColumn === 1 ? 'element' : 'elements'} ${elements}, ${heat.rowsPerRow === 1 ? 'row' : 'rows'} ${rows}`;
}

/** The last cell may hold fewer: how many is not known here. */
function spanText(index: number, size: number, isLast: boolean): string {
  const start = index * size;
  if (size === 1) return String(start);
  return isLast ? `from ${start} on` : `${start}…${start + size - 1}`;
}

/** The cell with the largest error; the first where there is none. */
export function hottest({ values }: Pick<HeatMap, 'values'>): number {
  return values.reduce<number>((best, v, i) => ((v ?? 0) > (values[best] ?? 0) ? i : best), 0);
}

/** Height of a cell in pixels, so that the whole map is about as high as a plot. */
export function cellHeight(rows: number, room: number): number {
  return Math.max(3, Math.min(36, Math.floor(room / Math.max(1, rows))));
}
