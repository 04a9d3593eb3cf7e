import type { HeatMap } from '../../shared/divergence/cause';

const WIDTH = 920;
const MOST_HEIGHT = 420;
/** Of a map with few rows. */
const LEAST_CELL = 24;
/** Steps of the colour; cells of one step share a path, so that a map of 64 × 64 stays small. */
const LEVELS = 8;
/** Errors below this share of the values' size are drawn as none. */
const FAINTEST = 1e-6;

/** Cells coloured by the logarithm of their error. */
export function heatPlot({ columns, rows, values }: HeatMap): string {
  const cellWidth = WIDTH / Math.max(columns, 1);
  const cellHeight = Math.max(Math.min(cellWidth, MOST_HEIGHT / Math.max(rows, 1)), rows > 12 ? 2 : LEAST_CELL);
  const height = cellHeight * rows;
  const paths = Array.from({ length: LEVELS }, (): string[] => []);
  values.forEach((value, cell) => {
    const level = levelOf(value);
    if (level === undefined) return;
    const x = (cell % columns) * cellWidth;
    const y = Math.floor(cell / columns) * cellHeight;
    paths[level]?.push(`M${short(x)} ${short(y)}h${short(cellWidth)}v${short(cellHeight)}h${short(-cellWidth)}z`);
  });
  const drawn = paths.map((cells, level) =>
    cells.length === 0
      ? ''
      : `<path class="hot" opacity="${((level + 1) / LEVELS).toFixed(3)}" d="${cells.join('')}"/>`,
  );
  return (
    `<svg viewBox="0 0 ${WIDTH} ${short(height)}" role="img" aria-label="Error over the result">` +
    `${drawn.join('')}<rect class="frame" width="${WIDTH}" height="${short(height)}"/></svg>`
  );
}

function levelOf(value: number | null | undefined): number | undefined {
  if (value === null || value === undefined || !(value > FAINTEST)) return undefined;
  const share = Math.min(1 - Math.log10(Math.min(value, 1)) / Math.log10(FAINTEST), 1);
  return Math.min(Math.floor(share * LEVELS), LEVELS - 1);
}

function short(x: number): string {
  return String(Number(x.toFixed(2)));
}
