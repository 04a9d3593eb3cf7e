/**
 * Whether an error is noise: of a size that rounding makes, with no direction and no place of its own. Everything is
 * measured against samples of what rounding does make here, so nothing is assumed of how it spreads.
 */
import type { Dims } from '../../graph/graph';

/** Errors that one place of rounding makes: samples over the same elements. */
export interface NoiseSamples {
  /** The energy of the error over the mean energy of a sample: 1 where this place makes all of it. */
  readonly ratio: number;
  /** samples[n][i]: the error of element i in sample n. */
  readonly samples: readonly Float64Array[];
}

/** A way in which an error would not be noise: a mistake changes results along it. */
export interface Direction {
  /** As in "grows with …". */
  readonly name: string;
  readonly values: Float64Array;
}

export interface ErrorOfNode {
  /** Difference from the right result, of the elements that are compared. */
  readonly error: Float64Array;
  /** Variance per element that is allowed whatever the samples show: a share of the noise floor. */
  readonly base: Float64Array;
  /** Place of each element in the result. */
  readonly at: Int32Array;
  readonly ne: Dims;
  /** Whether consecutive channels (dimension 0) are neighbours in the node: not so where rows were picked. */
  readonly isWhole: boolean;
  /** 1 for elements that may be lost below a type's least number: they have to be small enough, no more is asked of them. */
  readonly isVanishing: Float64Array;
  readonly directions: readonly Direction[];
}

/** Standard deviations of a sum along a direction from which it is no chance; samples are few, so tails are wide. */
const MOST_DEVIATIONS = 9;
/** An element's error over its standard deviation from which no rounding makes it. */
const MOST_OF_ELEMENT = 12;
/** A group's energy over what noise gives it, as a multiple of the largest that a sample shows. */
const MOST_OF_GROUP = 3;
/** What samples show at least: chance makes as much of a small group. */
const LEAST_SPREAD = 3;
/** Elements from which a group says more than its elements alone do: a few samples do not tell how far one may go. */
const LEAST_OF_GROUP = 4;
/** Widths of tiles along dimension 0. */
const TILES = [32, 64, 128, 256];

/**
 * What of the error is no noise, in a few words; undefined where nothing is.
 * @param noise places where rounding of the allowed size makes an error like this one or larger
 */
export function structureOf(node: ErrorOfNode, noise: readonly NoiseSamples[]): string | undefined {
  const variance = variances(node, noise);
  const large = tooLarge(node, variance);
  if (large !== undefined) return large;
  const [rest, restOfNoise] = withoutVanishing(node, noise);
  return alongDirection(rest, restOfNoise, variances(rest, restOfNoise)) ?? inPlaces(rest, restOfNoise);
}

function withoutVanishing(
  node: ErrorOfNode,
  noise: readonly NoiseSamples[],
): readonly [ErrorOfNode, readonly NoiseSamples[]] {
  if (!node.isVanishing.includes(1)) return [node, noise];
  const stays = (_: number, i: number): boolean => node.isVanishing[i] === 0;
  const { error, base, at, isVanishing, directions } = node;
  const rest = {
    ...node,
    error: error.filter(stays),
    base: base.filter(stays),
    at: at.filter(stays),
    isVanishing: isVanishing.filter(stays),
    directions: directions.map(({ name, values }) => ({ name, values: values.filter(stays) })),
  };
  return [rest, noise.map(({ ratio, samples }) => ({ ratio, samples: samples.map((s) => s.filter(stays)) }))];
}

/** Per element, from all samples, each place scaled so as to make all of the error; smoothed over the element's row. */
function variances({ error, base, at, ne }: ErrorOfNode, noise: readonly NoiseSamples[]): Float64Array {
  const own = Float64Array.from(base);
  for (const { ratio, samples } of noise) {
    for (const sample of samples) {
      for (let i = 0; i < own.length; i++) own[i]! += (ratio * sample[i]! ** 2) / samples.length;
    }
  }
  const [n0] = ne;
  const sums = new Map<number, { sum: number; count: number }>();
  for (let i = 0; i < error.length; i++) {
    const row = Math.floor(at[i]! / n0);
    const s = sums.get(row) ?? { sum: 0, count: 0 };
    s.sum += own[i]!;
    s.count++;
    sums.set(row, s);
  }
  // few samples: an element that they happened to leave alone may still move as its row does
  return own.map((v, i) => {
    const { sum, count } = sums.get(Math.floor(at[i]! / n0)) as { sum: number; count: number };
    return 0.8 * v + (0.2 * sum) / count;
  });
}

function tooLarge({ error }: ErrorOfNode, variance: Float64Array): string | undefined {
  for (let i = 0; i < error.length; i++) {
    if (error[i]! ** 2 > MOST_OF_ELEMENT ** 2 * variance[i]!)
      return 'single elements are off by more than rounding makes';
  }
  return undefined;
}

/** Weighted sums of the error along each direction, against the same sums of the samples. */
function alongDirection(
  { error, base, directions }: ErrorOfNode,
  noise: readonly NoiseSamples[],
  variance: Float64Array,
): string | undefined {
  for (const { name, values } of directions) {
    const along = (e: ArrayLike<number>): number => {
      let sum = 0;
      for (let i = 0; i < error.length; i++) if (variance[i]! > 0) sum += (e[i]! * values[i]!) / variance[i]!;
      return sum;
    };
    let expected = 0;
    for (let i = 0; i < base.length; i++) {
      if (variance[i]! > 0) expected += base[i]! * (values[i]! / variance[i]!) ** 2;
    }
    for (const { ratio, samples } of noise) {
      for (const sample of samples) expected += (ratio * along(sample) ** 2) / samples.length;
    }
    if (along(error) ** 2 > MOST_DEVIATIONS ** 2 * expected) return `it ${name}`;
  }
  return undefined;
}

/** A grouping of the elements. */
interface Groups {
  readonly name: string;
  readonly count: number;
  readonly of: (at: number) => number;
}

function groupings({ ne, isWhole }: ErrorOfNode): readonly Groups[] {
  const [n0, n1, n2, n3] = ne;
  const all: Groups[] = [
    { name: 'channels', count: n0, of: (at) => at % n0 },
    { name: 'rows', count: n1, of: (at) => Math.floor(at / n0) % n1 },
    { name: 'planes', count: n2 * n3, of: (at) => Math.floor(at / (n0 * n1)) },
    ...(isWhole
      ? TILES.map((w) => ({
          name: `tiles of ${w}`,
          count: Math.ceil(n0 / w),
          of: (at: number) => Math.floor((at % n0) / w),
        }))
      : []),
  ];
  return all.filter((g) => g.count > 1);
}

/** Whether some rows, channels, planes or tiles have far more of the error than noise gives them. */
function inPlaces(node: ErrorOfNode, noise: readonly NoiseSamples[]): string | undefined {
  const { error, base, at } = node;
  for (const { name, count, of } of groupings(node)) {
    if (error.length < LEAST_OF_GROUP * count) continue;
    const energies = (e: Float64Array, isSquare = false): Float64Array => {
      const sums = new Float64Array(count);
      for (let i = 0; i < e.length; i++) sums[of(at[i]!)]! += isSquare ? e[i]! : e[i]! ** 2;
      return sums;
    };
    const observed = energies(error);
    const expected = energies(base, true);
    let spread = LEAST_SPREAD;
    for (const { ratio, samples } of noise) {
      const each = samples.map((sample) => energies(sample));
      const mean = observed.map((_, g) => each.reduce((sum, e) => sum + e[g]!, 0) / samples.length);
      for (const e of each)
        for (let g = 0; g < count; g++) if (mean[g]! > 0) spread = Math.max(spread, e[g]! / mean[g]!);
      // what most groups show, not the total, which the odd group out has raised
      const typical = Math.max(medianRatio(observed, mean), 0.1 * ratio);
      for (let g = 0; g < count; g++) expected[g]! += typical * mean[g]!;
    }
    const odd = observed.filter((e, g) => e > MOST_OF_GROUP * spread * expected[g]!).length;
    if (odd > 0) return `${odd} of ${count} ${name} have more of it than rounding gives them`;
  }
  return undefined;
}

/** Over the groups that noise reaches: others have no elements, or nothing in them to round. */
function medianRatio(a: Float64Array, b: Float64Array): number {
  const ratios = [...a.keys()]
    .filter((g) => b[g]! > 0)
    .map((g) => a[g]! / b[g]!)
    .sort((x, y) => x - y);
  return ratios[Math.floor(ratios.length / 2)] ?? 0;
}
