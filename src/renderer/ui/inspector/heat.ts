import type { Rgb } from '../timeline/colour-scale';
import { cssColour, luminance, rampColour } from '../timeline/colour-scale';

/**
 * Diverging ramps, blue for negative and orange for positive values: the pair that readers with any colour blindness
 * tell apart. The middle is the panel's own ground.
 */
const RAMPS: Readonly<Record<'dark' | 'light', readonly Rgb[]>> = {
  dark: [
    [124, 188, 250],
    [52, 108, 172],
    [21, 26, 33],
    [142, 84, 26],
    [252, 178, 84],
  ],
  light: [
    [30, 92, 170],
    [142, 188, 230],
    [255, 255, 255],
    [248, 190, 116],
    [190, 92, 8],
  ],
};

/** Pure black and white: with anything less, grounds of middle lightness have no text of contrast 4.5 (WCAG AA). */
const DARK_TEXT = '#000000';
const LIGHT_TEXT = '#ffffff';
/** Relative luminance on which both have the same contrast. */
const EVEN = 0.179;

export interface HeatColour {
  readonly background: string;
  readonly text: string;
}

/** Colour of a finite value on a scale from −limit to limit, and a text colour that can be read on it. */
export function heatColour(value: number, limit: number, dark: boolean): HeatColour {
  const ground = rampColour(RAMPS[dark ? 'dark' : 'light'], limit > 0 ? 0.5 + value / (2 * limit) : 0.5);
  return { background: cssColour(ground), text: luminance(ground) > EVEN ? DARK_TEXT : LIGHT_TEXT };
}

/** The largest finite size; 0 where there is none. */
export function heatLimit(values: Iterable<number>): number {
  let limit = 0;
  for (const value of values) if (Number.isFinite(value)) limit = Math.max(limit, Math.abs(value));
  return limit;
}

/** The power of ten that values up to `limit` are shown in, so that three digits fit a cell. */
export function commonExponent(limit: number): number {
  return limit > 0 ? Math.floor(Math.log10(limit)) : 0;
}

/** A value in units of 10^exponent, as it fits a cell. */
export function cellText(value: number, exponent: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '−Inf';
  if (value === 0) return '0';
  // Two steps: 10^exponent itself leaves the range of numbers for the least subnormals.
  const half = Math.trunc(exponent / 2);
  const scaled = value / 10 ** half / 10 ** (exponent - half);
  return scaled.toFixed(2).replace('-', '−');
}
