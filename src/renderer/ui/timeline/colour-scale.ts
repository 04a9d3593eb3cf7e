import type { LaneCheckpoint } from '../../../shared/compare/comparison';

/** How a checkpoint is shown: an error on the scale, or one of the states that are no number. */
export type Shade =
  | { readonly kind: 'reference' }
  | { readonly kind: 'equal' }
  | { readonly kind: 'error'; readonly nmse: number }
  | { readonly kind: 'non-finite' }
  | { readonly kind: 'not-measured'; readonly reason: string };

export function shadeOf(checkpoint: LaneCheckpoint | undefined): Shade {
  if (!checkpoint) return { kind: 'not-measured', reason: 'the lane did not run' };
  if (checkpoint.status === 'not-measured') return { kind: 'not-measured', reason: checkpoint.reason };
  const { metrics } = checkpoint;
  if (!metrics) return { kind: 'reference' };
  if (metrics.nonFinite !== undefined || !Number.isFinite(metrics.nmse)) return { kind: 'non-finite' };
  return metrics.nmse === 0 ? { kind: 'equal' } : { kind: 'error', nmse: metrics.nmse };
}

/** A stretch of a logarithmic axis, as powers of ten. */
export interface LogRange {
  readonly min: number;
  readonly max: number;
}

/**
 * The colours' range. Correct engines differ by up to 1e-3 or so, since llama.cpp quantizes activations: such errors must
 * not look like alarms, so the ramp's lower half is left to them.
 */
export const COLOUR_RANGE: LogRange = { min: -6, max: 0 };

/** Position of an NMSE on a range, 0 … 1. */
export function scalePosition(nmse: number, { min, max }: LogRange = COLOUR_RANGE): number {
  if (!(nmse > 0)) return 0;
  return Math.min(1, Math.max(0, (Math.log10(nmse) - min) / (max - min)));
}

export type Rgb = readonly [number, number, number];

/**
 * One-way ramps that stand out more the larger the error: on dark ground lightness only rises, on light ground it only
 * falls, so they read without hue as well (colour-blind readers, print).
 */
export const RAMPS: Readonly<Record<'dark' | 'light', readonly Rgb[]>> = {
  dark: [
    [30, 46, 72],
    [44, 66, 100],
    [76, 80, 112],
    [134, 92, 104],
    [214, 104, 66],
    [246, 158, 56],
    [255, 232, 140],
  ],
  light: [
    [206, 224, 244],
    [208, 219, 228],
    [224, 213, 190],
    [240, 194, 116],
    [228, 116, 52],
    [170, 36, 48],
    [82, 10, 44],
  ],
};

/** Colour at `position` (0 … 1) of a ramp. */
export function rampColour(ramp: readonly Rgb[], position: number): Rgb {
  const at = Math.min(1, Math.max(0, position)) * (ramp.length - 1);
  const low = Math.min(ramp.length - 2, Math.floor(at));
  const a = ramp[low]!;
  const b = ramp[low + 1]!;
  const f = at - low;
  return [a[0] + (b[0] - a[0]) * f, a[1] + (b[1] - a[1]) * f, a[2] + (b[2] - a[2]) * f];
}

export function cssColour([r, g, b]: Rgb): string {
  return `rgb(${Math.round(r)} ${Math.round(g)} ${Math.round(b)})`;
}

/** Relative luminance (WCAG), 0 … 1. */
export function luminance([r, g, b]: Rgb): number {
  const linear = (c: number): number => {
    const v = c / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}
