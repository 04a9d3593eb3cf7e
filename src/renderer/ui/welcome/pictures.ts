import type { GalleryBug, GalleryPart } from '../../../shared/gallery/gallery';

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

/** A grid of cells that fills the picture; where there is no tone there is no cell. */
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

const alternate = (index: number, even: Tone, odd: Tone): Tone => (index % 2 === 0 ? even : odd);

const HEIGHTS = [22, 34, 15, 28, 37, 19, 31, 25];

const BY_PART: Readonly<Record<GalleryPart, readonly Piece[]>> = {
  // A super-block: the scales of its second half are wrong.
  weights: cells(8, 5, (column, row) => (column < 4 ? (row === 0 ? 'right' : 'pale') : row === 0 ? 'bad' : 'half-bad')),
  // The causal triangle, with all of a row's weight on one column.
  attention: cells(6, 6, (column, row) => (column > row ? undefined : column === row >> 1 ? 'bad' : 'pale')),
  // A new row lands on the first one instead of below the last.
  cache: cells(7, 5, (_, row) => (row === 0 ? 'bad' : row === 4 ? undefined : 'pale')),
  // The rows from one on are off.
  'mat-mul': cells(9, 6, (column, row) =>
    (column + row) % 4 === 0 ? (row < 3 ? 'right' : 'bad') : row < 3 ? 'pale' : 'half-bad',
  ),
  // Two branches, each in the other's place.
  'feed-forward': cells(9, 5, (column, row) => {
    if (column === 4 || row === 2) return undefined;
    return column < 4 === row < 2
      ? alternate(column + row, 'right', 'pale')
      : alternate(column + row, 'bad', 'half-bad');
  }),
  // Every number a little too large.
  norm: [
    ...bars(HEIGHTS, () => 'pale'),
    ...bars(HEIGHTS, () => 'bad').map((piece) => ({ ...piece, y: piece.y - 5, height: 3 })),
  ],
};

/** Where a part has more than one bug: above how it should be, below how it is. */
const BY_CAUSE: Readonly<Record<string, readonly Piece[]>> = {
  'code-order': cells(8, 5, (column, row) =>
    row < 2 ? alternate(column, 'right', 'pale') : row === 2 ? undefined : alternate(column, 'half-bad', 'bad'),
  ),
  // Neighbours turn together; halves do.
  'rope-pairing': cells(8, 5, (column, row) =>
    row < 2 ? alternate(column >> 1, 'right', 'pale') : row === 2 ? undefined : alternate(column, 'bad', 'half-bad'),
  ),
  // Query heads in the colour of their head of K and V.
  'gqa-heads': cells(6, 4, (column, row) =>
    row < 2 ? alternate(Math.floor(column / 3), 'right', 'pale') : alternate(column, 'bad', 'half-bad'),
  ),
};

/** What a planted bug hits, or by its cause how. */
export function pictureOf(bug: Pick<GalleryBug, 'part' | 'expected'>): readonly Piece[] {
  return BY_CAUSE[bug.expected.cause] ?? BY_PART[bug.part];
}

/** Nothing wrong. */
export const RIGHT_PICTURE = cells(9, 6, (column, row) => ((column * 5 + row * 3) % 7 < 2 ? 'right' : 'pale'));
