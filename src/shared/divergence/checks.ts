/** What is checked beside the layers: before them (preflight), and by running the candidate in other ways. */

/** One rung of the preflight ladder. "Not measured" is never shown as equal and never as failed. */
export interface Rung {
  readonly id: 'tokens' | 'types' | 'weights' | 'embedding';
  readonly title: string;
  /** `unusable`: both sides hold the same, and nothing can be judged with it (weights that are NaN). */
  readonly state: 'equal' | 'different' | 'unusable' | 'not-measured';
  /** One sentence: what was found, or why it was not measured. */
  readonly text: string;
  /** Further lines, the first most important. */
  readonly details: readonly string[];
}

/** Another way to run the candidate that ought to give the same. */
export interface Observation {
  readonly id: 'run-to-run' | 'fusion' | 'batch' | 'cached-decode';
  readonly title: string;
  readonly state: 'same' | 'different' | 'not-measured';
  /** One sentence: what was found, or why it was not measured. */
  readonly text: string;
  /** First node where it shows. */
  readonly node: string | null;
}
