import type { TokenLogit, WorstElement } from '../compare/comparison';
import type { NotMeasured } from '../trace/trace';
import type { Cause, ErrorShape, WeightFinding } from './cause';
import type { Observation, Rung } from './checks';
import type { InferredPrecision, Rounding } from './rounding';
import type { RunChoices } from './run-choices';

/** A node whose own computation is wrong: its local error stands above the noise floor. */
export interface BadNode {
  /** 0 in the prompt, k in decode step k. */
  readonly step: number;
  /** The N of a `name-N` node; null outside layers. */
  readonly layer: number | null;
  /** Trace key. */
  readonly node: string;
  readonly op: string;
  /** The weight it reads; null where there is none. */
  readonly tensor: string | null;
  readonly localNmse: number;
  readonly noiseFloor: number;
  readonly worst: WorstElement;
  /** Weight block that feeds the worst row, where the op reads quantized weights. */
  readonly block: BlockLocation | null;
  /** Graph nodes before this one that the dump lacks: the error may lie in any of them. Empty when only this node. */
  readonly stretch: readonly string[];
  /** Cache writes that this node or its stretch reads: they have no checkpoint, so their errors show here first. */
  readonly writes: readonly string[];
  /** Which test it failed, in words. */
  readonly why: string;
  /** Proved by replaying a hypothesis at this node or inside its stretch; null while none is. */
  readonly cause: Cause | null;
  /** What the error looks like, whatever its cause; null where the node was not looked at more closely. */
  readonly shape: ErrorShape | null;
  /** What the weight's block looks like on both sides, where the error lies in a weight; null elsewhere. */
  readonly weight: WeightFinding | null;
  /** How many ways to go wrong were replayed here, and how many more there was no time for. */
  readonly tried: number;
  readonly untried: number;
  /** What this node alone does to the answer; null where that was not asked for, or where no answer follows. */
  readonly effect: Effect | null;
}

/** The answer of a right run with one node's own error put in, beside the answer without it. */
export interface Effect {
  /** Kullback–Leibler divergence of the next token's distribution from the right run's, in nats; null where it is infinite. */
  readonly kld: number | null;
  readonly sameTop: boolean;
  /** What this node alone makes the answer; null where it leaves no logit that is a number. */
  readonly token: TokenLogit | null;
  /** The answer with this node right. */
  readonly right: TokenLogit;
}

/** Bad nodes that are one bug, as far as can be told: in the same place of several layers, or of one cause. */
export interface Bug {
  /** Of the first of its nodes. */
  readonly step: number;
  /** All its nodes in that step, in graph order. */
  readonly nodes: readonly string[];
  /** The one that was proved first; null while none is. */
  readonly cause: Cause | null;
  /** What all of them together do to that step's answer; null as in BadNode. */
  readonly effect: Effect | null;
}

/** A node whose error is what a lower precision makes, and nothing else. */
export interface RoundedNode {
  readonly step: number;
  readonly layer: number | null;
  readonly node: string;
  readonly op: string;
  readonly localNmse: number;
  readonly noiseFloor: number;
  readonly rounding: Rounding;
}

/** How much of the graph a verdict rests on, all steps together. */
export interface Coverage {
  /** Nodes with a checkpoint of the candidate's that was judged. */
  readonly measured: number;
  /** Those, and the nodes of the stretches between them that are short enough to be answered for. */
  readonly covered: number;
  /** Computing nodes of the graphs. */
  readonly nodes: number;
}

export interface BlockLocation {
  readonly tensor: string;
  readonly type: string;
  /** Row of the weight (ne[1] index) and index of the row's first block within the tensor. */
  readonly row: number;
  readonly index: number;
}

/** Logits that are no numbers, by lane. */
export interface NotNumbers {
  readonly reference: number | null;
  readonly candidate: number | null;
  readonly of: number;
}

/** A checkpoint of a dump that could not be compared. */
export interface UnplacedName {
  readonly name: string;
  readonly reason: string;
}

export type VerdictKind = 'clean' | 'diverged' | 'incomparable';

/** `bisect --json` (schema of design.md §6). */
export interface Verdict {
  readonly schema: 'quarrel.verdict/1';
  readonly model: string;
  readonly tokens: readonly number[];
  readonly reference: string;
  readonly candidate: string;
  /** What was asked of the run that changes what was judged. */
  readonly options: RunChoices;
  readonly verdict: VerdictKind;
  /** Why, when incomparable. */
  readonly reason: string | null;
  readonly firstBad: BadNode | null;
  /** Every independently bad node, in graph order. */
  readonly allBad: readonly BadNode[];
  /** The bad nodes by bug, in the order of their first nodes. */
  readonly bugs: readonly Bug[];
  /** Nodes that only round, in graph order; they make no verdict diverge unless `strict`. */
  readonly rounded: readonly RoundedNode[];
  /** The precision in which the candidate computes, declared or inferred from all its nodes; null where nothing says it. */
  readonly precision: InferredPrecision | null;
  /** Whether rounding counts as a difference (`--strict`). */
  readonly strict: boolean;
  readonly coverage: Coverage;
  /** That of `firstBad`, or what preflight found; null while none is proved. */
  readonly cause: Cause | null;
  readonly nonFinite: { readonly step: number; readonly node: string; readonly index: readonly number[] } | null;
  /** The next token after the prompt. */
  readonly logits: {
    readonly reference: TokenLogit | null;
    readonly candidate: TokenLogit | null;
    readonly kld: number | null;
    readonly sameTop: boolean | null;
    /** How many logits of a row are no numbers (NaN, +Inf), of how many; null where the row was not measured. */
    readonly notNumbers: NotNumbers;
    /** How far the reference's first two logits lie apart: where it is small, rounding decides which comes first. */
    readonly gap: number | null;
  };
  readonly expectation: Expectation | null;
  readonly notMeasured: readonly NotMeasured[];
  /** Names of a dump that are no node of the graph for us, and why. */
  readonly unplaced: readonly UnplacedName[];
  /** The node nearest to its limit among those judged right, and its local error over its noise floor (limit: MARGIN.node). */
  readonly nearest: { readonly node: string; readonly ratio: number } | null;
  /** Nodes judged, and how the candidate's rows were aligned where shapes differed. */
  readonly compared: number;
  readonly alignment: readonly string[];
  /** What was checked before the layers, in order. */
  readonly preflight: readonly Rung[];
  /** What further runs of the candidate showed; empty where none was asked for. */
  readonly observations: readonly Observation[];
  /** Every judged node, in graph order: what the error plots draw. */
  readonly profile: readonly ProfileEntry[];
  /** How often a foreign program was run for its dumps (`cmd:`); null for other lanes. */
  readonly runs: number | null;
  /** The prompt, then each decode step. */
  readonly steps: readonly StepVerdict[];
}

/** The errors of one judged node. */
export interface ProfileEntry {
  readonly step: number;
  readonly node: string;
  readonly op: string;
  readonly layer: number | null;
  /** Local error and noise floor, NMSE; null for an infinite error. */
  readonly local: number | null;
  readonly floor: number;
  /** NMSE of the candidate's whole run against the reference here; null where it is infinite or not measured. */
  readonly inherited: number | null;
  readonly bad: boolean;
  /** Whether the node only rounds. */
  readonly rounded: boolean;
}

/** One graph of the run on its own; its bad nodes stand in `allBad`. */
export interface StepVerdict {
  readonly step: number;
  readonly tokens: readonly number[];
  readonly verdict: VerdictKind;
  readonly firstBad: string | null;
  readonly compared: number;
  readonly logits: Verdict['logits'];
}

/** `--expect TOKEN --min-logit X`: the expected next token and its least logit, checked on both lanes. */
export interface Expectation {
  /** Text or id of the token, as the user gave it. */
  readonly expected: string | undefined;
  readonly minLogit: number | undefined;
  /** Whether the lane met it; null where the lane has no logits. */
  readonly reference: boolean | null;
  readonly candidate: boolean | null;
}
