/** The common frame of the plots: a logarithmic axis upward, something counted to the right. */
import { escapeHtml } from './escape-html';
import type { Mark } from './plot-marks';
import { markSvg } from './plot-marks';

export const PLOT = { width: 920, height: 280, left: 52, right: 10, top: 30, bottom: 26 } as const;

const MOST_TICKS = 7;
/** Below this an error is as good as none. */
const LOWEST = 1e-20;

export interface LogAxis {
  /** Pixels from the top. Zero stands at the low end, null (infinite) at the top. */
  y(value: number | null): number;
  readonly svg: string;
}

/** An axis over all of the values. */
export function logAxis(values: readonly (number | null)[]): LogAxis {
  const powers = values.flatMap((v) => (v !== null && v > 0 ? [Math.log10(Math.max(v, LOWEST))] : []));
  const low = Math.floor(Math.min(...powers, 0));
  const high = Math.max(Math.ceil(Math.max(...powers, low + 1)), low + 1);
  const { top, bottom, height, left, right, width } = PLOT;
  const y = (value: number | null): number => {
    if (value === null) return top;
    const power = value > 0 ? Math.log10(value) : low;
    const share = Math.min(Math.max((power - low) / (high - low), 0), 1);
    return top + (1 - share) * (height - top - bottom);
  };
  const step = Math.ceil((high - low) / MOST_TICKS);
  const lines: string[] = [];
  for (let power = low; power <= high; power += step) {
    const at = y(10 ** power).toFixed(1);
    lines.push(
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/>` +
        `<text x="${left - 6}" y="${Number(at) + 4}" text-anchor="end">${power === 0 ? '1' : `1e${power}`}</text>`,
    );
  }
  return { y, svg: lines.join('') };
}

/** Pixels from the left of the middle of place `i` among `count`. */
export function placeX(i: number, count: number): number {
  return PLOT.left + ((i + 0.5) / Math.max(count, 1)) * (PLOT.width - PLOT.left - PLOT.right);
}

export function plotSvg(label: string, parts: readonly string[]): string {
  const { width, height } = PLOT;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}">${parts.join('')}</svg>`;
}

export function axisLabel(x: number, text: string): string {
  return `<text x="${x.toFixed(1)}" y="${PLOT.height - 8}" text-anchor="middle">${escapeHtml(text)}</text>`;
}

const LEGEND_WIDTH = 150;
const LEGEND_Y = 12;

/** A legend above the plot, in words: of lines by their class, then of marks. */
export function legend(
  lines: readonly (readonly [string, string])[],
  marks: readonly (readonly [Mark, string])[] = [],
): string {
  const entries = [
    ...lines.map(([name, text]) => ({
      draw: (x: number) => `<line class="${name}" x1="${x}" x2="${x + 22}" y1="${LEGEND_Y}" y2="${LEGEND_Y}"/>`,
      text,
    })),
    ...marks.map(([mark, text]) => ({ draw: (x: number) => markSvg(mark, x + 14, LEGEND_Y), text })),
  ];
  return entries
    .map(({ draw, text }, i) => {
      const x = PLOT.left + i * LEGEND_WIDTH;
      return `${draw(x)}<text x="${x + 28}" y="${LEGEND_Y + 4}">${escapeHtml(text)}</text>`;
    })
    .join('');
}

export function path(name: string, points: readonly (readonly [number, number])[]): string {
  if (points.length === 0) return '';
  const d = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  return `<path class="${name}" d="${d}"/>`;
}
