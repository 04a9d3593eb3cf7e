import type { Rounding } from '../divergence/rounding';
import type { Site } from './site';

/**
 * How much a hypothesis says; where several reproduce the wrong numbers the lower number is named.
 * - 1: one particular mistake, with parameters that the graph or the model gives.
 * - 2: a kind of mistake whose parameter is estimated from the wrong numbers.
 * - 3: describes the error (a factor, an offset, a permutation) without saying how it came about.
 * - 4: says only where the result is wrong; named where nothing reproduces the numbers.
 */
export type Generality = 1 | 2 | 3 | 4;

/**
 * A mistake that engines make: a mutated op or decoder, with the condition where it can appear. It becomes a cause when
 * replaying it reproduces the wrong numbers.
 */
export interface Hypothesis {
  /** kebab-case, unique, stable: reports and CI name it. */
  readonly id: string;
  /** The mistake in one line, without parameters. */
  readonly title: string;
  /** Two or three sentences: what goes wrong in the computation and how that shows. */
  readonly explanation: string;
  /** What to look at in one's own code. */
  readonly whereToLook: string;
  /** Real threads where this happened, `owner/repo#N`. */
  readonly citations: readonly string[];
  /** Rows of the bug catalogue that it covers; empty for those listed below its table. */
  readonly catalogue: readonly number[];
  readonly generality: Generality;
  /**
   * True where it makes results NaN or infinite only of values beyond a type’s range. Where nothing finite is left to
   * compare, only such a mistake can be told from others that make everything NaN.
   */
  readonly byRange?: boolean;
  /**
   * Present where engines do this on purpose: finite results that it explains are rounding, no mistake.
   * @param parameters of the variant that was proved
   */
  readonly rounds?: (parameters: Parameters) => Pick<Rounding, 'part' | 'to'>;
  /**
   * The ways in which it can appear at a node, likely ones first; none where it cannot. Called in every arithmetic:
   * labels do not depend on it.
   */
  variants(site: Site): Iterable<Variant | Family>;
}

/** One way in which a mistake appears. */
export interface Variant {
  /** The same at every node where the same mistake is made: all nodes of a stretch are tried together by it. */
  readonly label: string;
  /** What was done and, where that is known, what is right: `{ scale: 1, right: 0.125 }`. */
  readonly parameters: Parameters;
  /**
   * The whole result that an engine with this mistake gives on the site's inputs; as the node's result, all elements.
   * @throws QuarrelError where it cannot be computed: the variant is skipped
   */
  predict(site: Site): Float32Array;
  /** True where it matters which rows of the weight there are: then it is not tried on some of them first. */
  readonly needsAllRows?: boolean;
  /** True where a parameter was read off the wrong numbers, though the hypothesis as such has none. */
  readonly estimated?: boolean;
}

/** A mistake with one number to be estimated: the one that comes nearest to the wrong numbers is searched for. */
export interface Family {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly spacing: 'linear' | 'log';
  /** Values looked at first, beside the grid: those that engines would pick. */
  readonly likely?: readonly number[];
  at(value: number): Variant;
}

export type Parameters = Readonly<Record<string, number | string>>;

export function isFamily(v: Variant | Family): v is Family {
  return 'at' in v;
}
