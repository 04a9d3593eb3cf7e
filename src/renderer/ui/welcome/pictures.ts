import type { GalleryPart } from '../../../../shared/gallery/gallery';

/** How a piece of a picture looks: as it should be, fainter, wrong, or wrong but less so. */
export type Tone = 'right' | 'pale' | 'bad' | 'half-bad';

/** A rectangle; units of the picture's grid. */
export interface Piece {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly tone: Tone;
}

/** Size of every picture. */
export const PICTURE = { width: 64, height: 44 } as const;

const GAP = 2;

/** A grid of cells that fills the picture. */
function cells(columns: number, rows: number, tone: (column: number, row: number) => Tone | undefined): Piece[] {
  const width = (PICTURE.width + GAP) / columns - GAP;
  const height = (PICTURE.height + GAP) / rows - GAP;
  return Array.from({ length: columns * rows }, (_, i) => {
    const [column, row] = [i % columns, Math.floor(i / columns)];
    const [x, y] = [column * (width + GAP), row * (height + GAP)];
    return { x, y, width, height, tone: tone(column, row) };
  }).filter((piece): piece is Piece => piece.tone !== undefined);
}

/** Columns that stand on the ground line. */
function bars(heights: readonly number[], tone: (index: number) => Tone): Piece[] {
  const width = (PICTURE.width + GAP) / heights.length - GAP;
  return heights.map((height, i) => ({
    x: i * (width + GAP),
    y: PICTURE.height - height,
    width,
    height,
    tone: tone(i),
  }));
}

/** The causal triangle: what a token must not see is left out. */
const causal = (column: number, row: number): boolean => column <= row + 1;

/** What each kind of planted bug hits. */
export const PICTURES: Readonly<Record<GalleryPart | 'nothing', readonly Piece[]>> = {
  // A super-block: the scales of its second half are wrong.
  weights: cells(8, 5, (column, row) => (column < 4 ? (row === 0 ? 'right' : 'pale') : row === 0 ? 'bad' : 'half-bad')),
  attention: cells(6, 5, (column, row) => {
    if (!causal(column, row)) return undefined;
    return column % 2 === 1 ? 'bad' : column === row + 1 || column === 0 ? 'half-bad' : 'pale';
  }),
  // A new row lands on the first one instead of below the last.
  cache: cells(7, 5, (_, row) => (row === 0 ? 'bad' : row === 4 ? undefined : 'pale')),
  // The rows from one on are off.
  'mat-mul': cells(9, 6, (column, row) => (row < 3 ? ((column + row) % 4 === 0 ? 'right' : 'pale') : 'half-bad')),
  // Two branches, the one in the other's place.
  'feed-forward': [
    ...bars([10, 16, 13, 20], () => 'bad').map((p) => ({ ...p, x: p.x / 2, width: p.width / 2, y: p.y - 22 })),
    ...bars([18, 9, 14, 7], () => 'half-bad').map((p) => ({ ...p, x: p.x / 2, width: p.width / 2 })),
    ...bars([30, 18, 38, 24], () => 'pale').map((p) => ({ ...p, x: 36 + p.x * 0.44, width: p.width * 0.44 })),
  ],
  // Every number a little too large.
  norm: [
    ...bars([22, 34, 15, 28, 38, 19, 31, 25], () => 'pale'),
    ...bars([22, 34, 15, 28, 38, 19, 31, 25], () => 'bad').map((p) => ({ ...p, y: p.y - 4, height: 3 })),
  ],
  nothing: cells(9, 6, (column, row) => ((column * 5 + row * 3) % 7 < 2 ? 'right' : 'pale')),
};
