import type { Palette } from './palette';

/** Room around a plot, in pixels: fixed, so that nothing moves when its numbers change. */
export const PLOT_GRID = { left: 46, right: 14, top: 14, bottom: 22 } as const;

/** Colours and type of an axis. */
export function axisStyle(palette: Palette): Readonly<Record<string, unknown>> & { readonly axisLabel: object } {
  return {
    axisLine: { onZero: false, lineStyle: { color: palette.lineStrong } },
    axisTick: { show: false },
    axisLabel: { color: palette.text3, fontSize: 10, fontFamily: palette.mono },
    splitLine: { lineStyle: { color: palette.line } },
  };
}

/** A power of ten on an axis, in steps that leave room for the labels. */
export function powerAxis(
  palette: Palette,
  low: number,
  high: number,
  most: number,
): Readonly<Record<string, unknown>> {
  const style = axisStyle(palette);
  const interval = Math.max(1, Math.ceil((high - low) / most));
  return {
    ...style,
    type: 'value',
    min: low,
    // A whole number of steps, or the last two labels would run into each other.
    max: low + interval * Math.ceil((high - low) / interval),
    interval,
    axisLine: { show: false },
    axisLabel: { ...style.axisLabel, showMaxLabel: true, formatter: powerText },
  };
}

export function powerText(power: number): string {
  if (!Number.isInteger(power)) return '';
  return power >= 0 && power <= 2 ? String(10 ** power) : `1e${power}`;
}

/** Labels of layers that fit under a plot. */
const MOST_LABELS = 24;

/** Which layers get a label: all of them, or those whose number is even, a multiple of five … */
export function isLabelled(label: string, groups: number): boolean {
  const step = [1, 2, 5, 10, 20, 50].find((n) => groups / n <= MOST_LABELS) ?? 100;
  return step === 1 || Number(label) % step === 0;
}
