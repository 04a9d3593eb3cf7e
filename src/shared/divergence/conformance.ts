/** What `conformance` says of a model: how far the lanes are from llama.cpp at the end, and at each op. */
import { CONFORMANCE_MAX_NMSE, MARGIN } from '../compare/tolerance';
import type { OpKind } from '../graph/ggml-op';
import type { NotMeasured } from '../trace/trace';
import type { Examination } from './examine';

/** Lanes that are compared with llama.cpp, in this order. */
export const CONFORMANCE_LANES = ['reference', 'webgpu'] as const;
export type ConformanceLane = (typeof CONFORMANCE_LANES)[number];

/** One number per lane; null where the lane did not run or a graph has no such node. */
export type PerLane = Readonly<Record<ConformanceLane, number | null>>;

/**
 * One kind of op over all steps: the worst local error on llama.cpp's own inputs, as a multiple of the node's noise
 * floor (the limit is MARGIN.node). For `reference` that is llama.cpp's distance from our correct ways; for `webgpu` the
 * kernel's.
 */
export interface OpConformance extends PerLane {
  readonly nodes: number;
}

/** Where a run of the lanes ends. */
export interface LaneEnd {
  /** Last node against llama.cpp. */
  readonly nmse: PerLane;
  /**
   * What llama.cpp's own arithmetic (8-bit activations) adds up to here: NMSE between the reference's run in that
   * arithmetic and the exact one. Where an expert's rank or a sign hangs on it, this is large without any bug.
   */
  readonly rounding: number | null;
}

/** The ends of the lanes' free runs of one step. */
export interface StepEnds extends LaneEnd {
  readonly step: number;
  readonly tokens: readonly number[];
  /**
   * The same along llama.cpp's own choices of experts and positions (ARGSORT, TOP_K), which near ties decide; it then
   * stands for the free run. Null where that ends within CONFORMANCE_MAX_NMSE, or nothing is chosen. Each choice itself
   * is judged at its node.
   */
  readonly alongChoices: LaneEnd | null;
}

export interface StepConformance extends StepEnds {
  /** The largest NMSE at the end that is no problem: that of `alongChoices` where there is one. */
  readonly limit: number;
}

export interface ModelConformance {
  readonly file: string;
  readonly ok: boolean;
  /** Whether llama.cpp ran the model and its graph was captured. */
  readonly captured: boolean;
  readonly tokens: readonly number[];
  /** The prompt, then the decode steps that ran: encoders and diffusion models take none. */
  readonly steps: readonly StepConformance[];
  /** Decode steps that were asked for. */
  readonly stepsAsked: number;
  /** Worst over the steps. */
  readonly nmse: PerLane;
  /** The step's `rounding`, worst over the steps. */
  readonly rounding: number | null;
  /** Nodes judged, over all steps. */
  readonly compared: number;
  readonly ops: Readonly<Partial<Record<OpKind, OpConformance>>>;
  readonly notMeasured: readonly NotMeasured[];
  readonly seconds: number;
  /** Why it is not ok, a line each; empty when it is. */
  readonly problems: readonly string[];
}

export interface ConformanceReport {
  readonly schema: 'quarrel.conformance/1';
  readonly models: readonly ModelConformance[];
  readonly passed: number;
  readonly failed: number;
}

/** Gathers one model's steps. */
export class ConformanceTally {
  private readonly steps: StepConformance[] = [];
  private readonly ops = new Map<OpKind, OpConformance>();
  private readonly notMeasured: NotMeasured[] = [];
  private readonly problems: string[] = [];
  private compared = 0;

  addStep(ends: StepEnds): void {
    const { alongChoices } = ends;
    const step = { ...ends, limit: limitOf(alongChoices ?? ends) };
    this.steps.push(step);
    for (const lane of CONFORMANCE_LANES) {
      const nmse = step.nmse[lane];
      // Where choices differ, the spread of free runs says nothing: the run along llama.cpp's own choices decides.
      if (alongChoices ? isWithin(alongChoices.nmse[lane], alongChoices) : isWithin(nmse, step)) continue;
      const along = alongChoices ? `, ${text(alongChoices.nmse[lane])} along its own choices` : '';
      this.problems.push(
        `${lane} ends ${text(nmse)} NMSE from llama.cpp${along} (limit ${text(step.limit)})${at(step.step)}`,
      );
    }
  }

  /**
   * What judging showed at each node of a step.
   * @param lane `webgpu` where its kernels were judged; `reference` where llama.cpp's own results were, which then is
   *   the distance between the two
   */
  addNodes(lane: ConformanceLane, step: number, { judged, notMeasured }: Examination): void {
    for (const { node, judgement, goldenFloors } of judged) {
      this.raise(node.kind, lane, judgement.localNmse / judgement.noiseFloor);
      if (goldenFloors !== undefined) this.raise(node.kind, 'reference', goldenFloors);
      if (judgement.bad)
        this.problems.push(`${lane}: ${node.key} (${node.kind}) is wrong: ${judgement.why}${at(step)}`);
    }
    for (const { node } of judged) {
      const op = this.ops.get(node.kind);
      if (op) this.ops.set(node.kind, { ...op, nodes: op.nodes + 1 });
    }
    this.compared += judged.length;
    for (const entry of notMeasured) {
      this.notMeasured.push(entry);
      this.problems.push(`${entry.node} (${entry.op}): ${entry.reason}${at(step)}`);
    }
  }

  /** The lane or llama.cpp could not run. */
  addFailure(message: string): void {
    this.problems.push(message);
  }

  result(about: {
    readonly file: string;
    readonly tokens: readonly number[];
    readonly stepsAsked: number;
    readonly seconds: number;
  }): ModelConformance {
    const { steps, problems, compared, notMeasured } = this;
    const worst = (lane: ConformanceLane): number | null =>
      steps.reduce<number | null>((most, s) => higher(most, s.nmse[lane]), null);
    return {
      ...about,
      ok: problems.length === 0 && compared > 0,
      captured: steps.length > 0,
      steps,
      nmse: { reference: worst('reference'), webgpu: worst('webgpu') },
      rounding: steps.reduce<number | null>((most, s) => higher(most, s.rounding), null),
      compared,
      ops: Object.fromEntries(this.ops),
      notMeasured,
      problems: problems.length === 0 && compared === 0 ? ['no node was compared'] : problems,
    };
  }

  private raise(kind: OpKind, lane: ConformanceLane, floors: number | null): void {
    const known = this.ops.get(kind) ?? { nodes: 0, reference: null, webgpu: null };
    this.ops.set(kind, { ...known, [lane]: higher(known[lane], floors) });
  }
}

/** Whether a lane ends further from llama.cpp than models do whose runs made the same choices. */
export function isAstray(end: LaneEnd): boolean {
  return CONFORMANCE_LANES.some((lane) => !isWithin(end.nmse[lane], { ...end, rounding: null }));
}

function limitOf({ rounding }: LaneEnd): number {
  // Where that arithmetic itself broke down, it excuses nothing.
  const known = rounding !== null && Number.isFinite(rounding) ? rounding : 0;
  return Math.max(CONFORMANCE_MAX_NMSE, MARGIN.node * known);
}

/** A lane that did not run is no problem here. */
function isWithin(nmse: number | null, end: LaneEnd): boolean {
  return nmse === null || nmse <= limitOf(end);
}

function text(x: number | null): string {
  return x === null ? 'unknown' : x.toExponential(1);
}

function at(step: number): string {
  return step === 0 ? '' : `, step ${step}`;
}

function higher(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}

export function conformanceReport(models: readonly ModelConformance[]): ConformanceReport {
  const passed = models.filter((m) => m.ok).length;
  return { schema: 'quarrel.conformance/1', models, passed, failed: models.length - passed };
}

/** The op nearest to its limit on a lane, in floors; undefined where none was judged. */
export function worstOp(
  { ops }: ModelConformance,
  lane: ConformanceLane,
): { readonly kind: string; readonly floors: number } | undefined {
  let worst: { kind: string; floors: number } | undefined;
  for (const [kind, op] of Object.entries(ops)) {
    const floors = op[lane];
    if (floors !== null && (worst === undefined || floors > worst.floors)) worst = { kind, floors };
  }
  return worst;
}
