/** Bugs planted in kernels, to try Quarrel on. */

/** What a planted bug gets wrong: the picture on its card. */
export type GalleryPart = 'weights' | 'attention' | 'cache' | 'mat-mul' | 'feed-forward' | 'norm';

export interface GalleryBug {
  /** Name of its folder. */
  readonly id: string;
  /** A few words. */
  readonly name: string;
  /** Op or format, and what is wrong with it. */
  readonly title: string;
  /** How it came about, in one or two sentences. */
  readonly story: string;
  readonly part: GalleryPart;
  /** The candidate's lane: our kernels with the planted ones over them. */
  readonly lane: string;
  /** Decode steps that it takes until it shows; 0 where the prompt is wrong. */
  readonly steps: number;
  /** What Quarrel has to find on the embedded model. */
  readonly expected: { readonly node: string; readonly step: number; readonly cause: string };
}
