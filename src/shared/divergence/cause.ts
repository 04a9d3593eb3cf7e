/** Why a node is wrong, as verdict and reports say it. */

/** A hypothesis that reproduced the wrong numbers. */
export interface Cause {
  readonly id: string;
  readonly title: string;
  /** Share of the squared error that it explains, at most 1. */
  readonly explained: number;
  /** Where it was made: the judged node, or nodes inside its stretch. */
  readonly nodes: readonly string[];
  /** What was done and what is right. */
  readonly parameters: Readonly<Record<string, number | string>>;
  readonly explanation: string;
  readonly whereToLook: string;
  readonly citations: readonly string[];
  /** Other hypotheses that explain a part, best first. */
  readonly alternatives: readonly Alternative[];
}

export interface Alternative {
  readonly id: string;
  readonly title: string;
  readonly explained: number;
  readonly nodes: readonly string[];
  readonly parameters: Readonly<Record<string, number | string>>;
}

/** The error of one node, described: which rows, columns, heads, sub-blocks; ratios, offsets, permutations. */
export interface ErrorShape {
  /** Share of the compared elements that are off by more than noise. */
  readonly wrongShare: number;
  /** Where in the result the error lies. */
  readonly heat: HeatMap;
  /** The most telling first. */
  readonly findings: readonly ShapeFinding[];
  /** Best hypotheses that were not good enough, best first; for an unexplained error. */
  readonly nearMisses: readonly Alternative[];
}

export interface ShapeFinding {
  /** kebab-case: `rows`, `columns`, `heads`, `sub-blocks`, `ratio`, `offset`, `permutation`, `non-finite`, `tail` … */
  readonly kind: string;
  /** One sentence. */
  readonly text: string;
}

/** Relative error over a result, in cells: across, dimension 0; down, all rows (dimensions 1, 2, 3). */
export interface HeatMap {
  readonly columns: number;
  readonly rows: number;
  /** Elements of dimension 0 per column, and rows of the result per row, but for the last. */
  readonly elementsPerColumn: number;
  readonly rowsPerRow: number;
  /**
   * Row after row: root mean square of wrong − right in the cell over that of the right result: 1 is an error as large
   * as the values themselves; null where nothing was compared, Infinity is written as 1e300 (JSON has none).
   */
  readonly values: readonly (number | null)[];
}

/** One block of a weight on both sides. */
export interface WeightFinding {
  readonly tensor: string;
  readonly type: string;
  readonly row: number;
  /** Block within the tensor, and its bytes in hexadecimal. */
  readonly index: number;
  readonly bytes: string;
  readonly reference: readonly number[];
  /** What the candidate made of it; null where it cannot be known. */
  readonly candidate: readonly number[] | null;
  /**
   * How that is known: read off the result (a gather), the candidate's kernel asked with one-hot inputs, the proved
   * hypothesis asked so, or solved from its outputs (more tokens than unknown elements).
   */
  readonly how: 'read' | 'probe' | 'hypothesis' | 'solved' | null;
  /** Sub-blocks with an element that differs. */
  readonly subBlocks: readonly number[];
}
