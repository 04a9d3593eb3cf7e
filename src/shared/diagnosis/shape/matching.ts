/** Finds rows of a result in another one: the same values, elsewhere. */

/** A row is another one when their squared distance is at most this share of its energy: rounding is far below. */
const SAME = 1e-3;
/** Neighbours in the order of signatures that are compared in full. */
const CANDIDATES = 4;

/**
 * For each row of `wrong`, the row of `right` that has its values: its own where that fits, −1 where none does.
 * @param n length of a row in both
 */
export function matchRows(right: Float32Array, wrong: Float32Array, n: number): Int32Array {
  const rows = wrong.length / n;
  const key = signature(n);
  const known = Array.from({ length: right.length / n }, (_, row) => ({ row, at: dot(right, row * n, key) }));
  known.sort((a, b) => a.at - b.at);
  const found = new Int32Array(rows).fill(-1);
  for (let row = 0; row < rows; row++) {
    if (isSame(right, row * n, wrong, row * n, n)) {
      found[row] = row;
      continue;
    }
    const place = lowerBound(known, dot(wrong, row * n, key));
    let best = Infinity;
    for (const { row: other } of known.slice(Math.max(0, place - CANDIDATES), place + CANDIDATES)) {
      const d = distance(right, other * n, wrong, row * n, n);
      if (d < best && isSame(right, other * n, wrong, row * n, n)) [best, found[row]] = [d, other];
    }
  }
  return found;
}

/** Rows of `n` values as columns. */
export function transposed(values: Float32Array, n: number): Float32Array {
  const rows = values.length / n;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) for (let i = 0; i < n; i++) out[i * rows + row] = values[row * n + i]!;
  return out;
}

/** A fixed direction in which different rows rarely have the same length. */
function signature(n: number): Float64Array {
  let state = 1;
  return Float64Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function dot(values: Float32Array, from: number, key: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < key.length; i++) sum += values[from + i]! * key[i]!;
  return Number.isFinite(sum) ? sum : 0;
}

function lowerBound(known: readonly { readonly at: number }[], value: number): number {
  let [from, to] = [0, known.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (known[middle]!.at < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

function distance(a: Float32Array, fromA: number, b: Float32Array, fromB: number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const [x, y] = [a[fromA + i]!, b[fromB + i]!];
    sum += x === y ? 0 : (x - y) ** 2;
  }
  return sum;
}

function isSame(a: Float32Array, fromA: number, b: Float32Array, fromB: number, n: number): boolean {
  let energy = 0;
  for (let i = 0; i < n; i++) energy += a[fromA + i]! ** 2;
  return distance(a, fromA, b, fromB, n) <= SAME * energy;
}

/** How rows came to their places; undefined where none was found elsewhere. */
export function describeMoves(from: Int32Array): string | undefined {
  const moved = [...from.keys()].filter((row) => from[row] !== row && from[row] !== -1);
  const [first] = moved;
  if (first === undefined) return undefined;
  const all = (place: (row: number) => boolean): boolean => moved.length > 1 && moved.every(place);
  const shift = from[first]! - first;
  const n = from.length;
  if (all((row) => from[row] === from[first])) return `all of row ${from[first]}`;
  if (all((row) => from[row]! - row === shift))
    return `shifted: row i holds row i ${shift > 0 ? '+' : '−'} ${Math.abs(shift)}`;
  if (all((row) => from[row] === n - 1 - row)) return 'reversed';
  const rotation = (shift + n) % n;
  if (all((row) => from[row] === (row + rotation) % n)) return `rotated: row i holds row (i + ${rotation}) mod ${n}`;
  if (all((row) => from[row] === (row ^ 1))) return 'neighbours swapped';
  if (n % 2 === 0 && all((row) => from[row] === halvesToPairs(row, n))) return 'halves interleaved';
  if (n % 2 === 0 && all((row) => from[row] === pairsToHalves(row, n))) return 'pairs split into halves';
  return 'in another order';
}

/** Row i of the interleaved holds first or second half in turn. */
function halvesToPairs(row: number, n: number): number {
  return (row % 2) * (n / 2) + (row >> 1);
}

function pairsToHalves(row: number, n: number): number {
  return row < n / 2 ? 2 * row : 2 * (row - n / 2) + 1;
}
