import type { Dims } from '../graph/graph';
import type { OpKind } from '../graph/ggml-op';
import type { TensorStats } from '../trace/trace';

/** Error of a candidate tensor against a reference tensor. NaN and Inf are judged before any average. */
export interface TensorMetrics {
  readonly count: number;
  /** Σ(cand−ref)² / Σref²; Infinity when non-finite elements differ, or when the reference is all zero and the candidate is not. */
  readonly nmse: number;
  /** NaN when either side is all zero. */
  readonly cosine: number;
  readonly maxAbs: number;
  /** Where `maxAbs` is, and what stood there. */
  readonly worst: WorstElement;
  /** Largest distance in units in the last place of f32, over finite pairs. */
  readonly maxUlp: number;
  /** First element that is non-finite in the candidate but not equally so in the reference. */
  readonly nonFinite: WorstElement | undefined;
  /** Rows (ne[0]) whose largest element changed place. */
  readonly argmaxFlips: number;
}

export interface WorstElement {
  /** Coordinates, ggml order: index[0] is fastest. */
  readonly index: Dims;
  readonly reference: number;
  readonly candidate: number;
}

/** One checkpoint on one lane, next to llama.cpp's. "Not measured" is never shown as equal and never as failed. */
export type LaneCheckpoint =
  | {
      readonly status: 'measured';
      readonly stats: TensorStats;
      /** Inherited error against the reference lane; undefined on the reference lane itself. */
      readonly metrics?: TensorMetrics;
      readonly microseconds?: number;
      /**
       * Keys of the nodes whose results it reads and that the lane did not measure: it ran on the captured values there.
       * Absent when there are none.
       */
      readonly substituted?: readonly string[];
    }
  | { readonly status: 'not-measured'; readonly reason: string };

/** One computing node of the graph across all lanes of a run; `lanes[i]` belongs to `RunSummary.lanes[i]`. */
export interface NodeRow {
  readonly key: string;
  readonly layer: number | undefined;
  readonly kind: OpKind;
  readonly ne: Dims;
  /** Weight that the node reads, if any. */
  readonly weight: string | undefined;
  readonly lanes: readonly LaneCheckpoint[];
}

/** A token with its text and logit. */
export interface TokenLogit {
  readonly token: number;
  /** undefined for a model without a vocabulary. */
  readonly text: string | undefined;
  readonly logit: number;
}

export interface LaneSummary {
  readonly label: string;
  readonly engine: string;
  readonly provenance: Readonly<Record<string, string>>;
  /** Best first. */
  readonly top: readonly TokenLogit[];
  /** Kullback–Leibler divergence of the last token's distribution from the reference lane's, in nats. */
  readonly kld: number | undefined;
  /** How many of the last token's logits are NaN; 0 where none is, or where there are none. */
  readonly nanLogits: number;
  /** Total of the node times, microseconds. */
  readonly microseconds: number;
  /** Why the lane could not run at all. */
  readonly error?: string;
}

/** What the timeline draws: one graph of a run of the same tokens on several lanes; lane 0 is the reference. */
export interface RunSummary {
  readonly runId: string;
  /** 0 is the prompt, k decode step k. */
  readonly step: number;
  readonly model: string;
  readonly tokens: readonly number[];
  readonly pieces: readonly string[];
  readonly lanes: readonly LaneSummary[];
  readonly nodes: readonly NodeRow[];
}

/** Histogram of one checkpoint on one lane over the bins that all lanes of the node share. */
export interface LaneHistogram {
  readonly label: string;
  readonly counts: readonly number[];
}

/** A checkpoint in depth, for the layer view. */
export interface NodeDetail {
  readonly row: NodeRow;
  /** bins + 1 edges. */
  readonly edges: readonly number[];
  readonly histograms: readonly LaneHistogram[];
  /** Per lane: the largest differences against the reference, largest first (empty for the reference). */
  readonly largest: readonly (readonly WorstElement[])[];
}
