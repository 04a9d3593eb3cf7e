/** Statistics of a tensor's decoded values, added up from its tiles. */

/** Bins of the histogram: the upper ten bits of an f32, which are sign, exponent and the first bit of the mantissa. */
export const VALUE_BINS = 1024;
const SIGN_BIN = VALUE_BINS / 2;
/** First bin of exponent 255. */
const NON_FINITE_BIN = 510;
/** The bins of infinities and NaNs. */
export const NON_FINITE_BINS = binsOfExponent(NON_FINITE_BIN);

/** Sums over some values; plain data. */
export interface ValueSums {
  count: number;
  sum: number;
  squares: number;
  /** Over finite values; infinite the wrong way round where there are none. */
  min: number;
  max: number;
  zeros: number;
  nans: number;
  readonly bins: Float64Array;
  /** Element (in memory order of the tensor) of the first NaN or infinity; −1 without. */
  firstNonFinite: number;
}

export function noValues(): ValueSums {
  const bins = new Float64Array(VALUE_BINS);
  return { count: 0, sum: 0, squares: 0, min: Infinity, max: -Infinity, zeros: 0, nans: 0, bins, firstNonFinite: -1 };
}

/** Adds the sums of a later part of the tensor. */
export function mergeValues(
  into: ValueSums,
  later: Omit<ValueSums, 'bins'> & { readonly bins: ArrayLike<number> },
): void {
  into.count += later.count;
  into.sum += later.sum;
  into.squares += later.squares;
  into.min = Math.min(into.min, later.min);
  into.max = Math.max(into.max, later.max);
  into.zeros += later.zeros;
  into.nans += later.nans;
  for (let i = 0; i < VALUE_BINS; i++) into.bins[i]! += later.bins[i]!;
  if (into.firstNonFinite < 0) into.firstNonFinite = later.firstNonFinite;
}

/** Values from `from` up to `to`, the one with the smaller magnitude included, the other not. */
export interface HistogramBin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

export interface ValueStatistics {
  readonly count: number;
  /** Null where no value is finite, as `max`, `mean` and `std`. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  /** Of the population: divided by the number of finite values. */
  readonly std: number | null;
  readonly zeros: number;
  readonly subnormal: number;
  readonly infinite: number;
  readonly nan: number;
  /** Finite values but zeros, ascending; two bins per power of two; empty bins are left out. */
  readonly histogram: readonly HistogramBin[];
}

export function statisticsOf(sums: ValueSums): ValueStatistics {
  const { count, zeros, nans, bins } = sums;
  const nonFinite = countIn(bins, NON_FINITE_BINS);
  const finite = count - nonFinite;
  const mean = sums.sum / finite;
  return {
    count,
    min: finite > 0 ? sums.min : null,
    max: finite > 0 ? sums.max : null,
    mean: finite > 0 ? mean : null,
    std: finite > 0 ? Math.sqrt(Math.max(0, sums.squares / finite - mean * mean)) : null,
    zeros,
    subnormal: countIn(bins, binsOfExponent(0)) - zeros,
    infinite: nonFinite - nans,
    nan: nans,
    histogram: histogramOf(bins, zeros),
  };
}

/** Both bins of an exponent, of both signs. */
function binsOfExponent(first: number): readonly number[] {
  return [first, first + 1, SIGN_BIN + first, SIGN_BIN + first + 1];
}

function countIn(bins: Float64Array, which: readonly number[]): number {
  return which.reduce((sum, bin) => sum + bins[bin]!, 0);
}

/** Lower edge of a bin of positive values: half powers of two, and 0 and 2⁻¹²⁷ for the subnormals. */
function edge(bin: number): number {
  const exponent = bin >> 1;
  const half = (bin & 1) / 2;
  return exponent === 0 ? half * 2 ** -126 : (1 + half) * 2 ** (exponent - 127);
}

function histogramOf(bins: Float64Array, zeros: number): HistogramBin[] {
  const histogram: HistogramBin[] = [];
  for (let bin = NON_FINITE_BIN - 1; bin >= 0; bin--) {
    const count = bins[SIGN_BIN + bin]!;
    if (bin > 0 && count > 0) histogram.push({ from: -edge(bin + 1), to: -edge(bin), count });
  }
  // Zeros of both signs are counted apart; what is left of the two lowest bins are subnormals.
  const least = bins[0]! + bins[SIGN_BIN]! - zeros;
  if (least > 0) histogram.push({ from: -edge(1), to: edge(1), count: least });
  for (let bin = 1; bin < NON_FINITE_BIN; bin++) {
    const count = bins[bin]!;
    if (count > 0) histogram.push({ from: edge(bin), to: edge(bin + 1), count });
  }
  return histogram;
}
