/** Rounding that an engine may do: which values, to what. It is no mistake, and no cause. */

/** The precisions that engines compute in; `Q8` stands for 8-bit blocks or rows with a scale, whatever their layout. */
export type Precision = 'F32' | 'TF32' | 'F16' | 'BF16' | 'Q8' | 'Q4';

/**
 * What is rounded: inputs of an op, its result, its sums on the way, its weights as they are dequantized, keys and values
 * in a cache, or nothing but the formula of an elementary function.
 */
export type RoundedPart = 'activations' | 'results' | 'sums' | 'weights' | 'cache' | 'function';

export interface Rounding {
  readonly part: RoundedPart;
  readonly to: Precision;
  /** Whether values fell below the least that the type can hold. */
  readonly underflow: boolean;
  /** Whether this very rounding gives the candidate's numbers; otherwise the error is noise of the size it makes. */
  readonly reproduced: boolean;
  /** In a few words, without the node: "sums in F16", "activations underflow in F16". */
  readonly text: string;
}

/** What all nodes of a candidate together say of its precision. */
export interface InferredPrecision {
  readonly level: Precision;
  /** Whether the dump says so itself. */
  readonly declared: boolean;
  /** One line: "computes in F16 (inferred from 61 of 61 mat-muls)". */
  readonly text: string;
}
