/** Looks more closely at the bad nodes of a run: why each is wrong. */
import type { Budget } from '../../shared/base/budget';
import type { JobControl } from '../../shared/base/progress';
import { staged } from '../../shared/base/control';
import { CAUSE } from '../../shared/compare/tolerance';
import type { Diagnosis, StepResult } from '../../shared/divergence/assemble-verdict';
import type { JudgedNode } from '../../shared/divergence/examine';
import type { Judgement } from '../../shared/divergence/judge';
import type { NodeDiagnosis } from '../../shared/diagnosis/diagnose';
import { diagnose } from '../../shared/diagnosis/diagnose';
import type { Hypothesis } from '../../shared/diagnosis/hypothesis';
import { kindOfNode } from '../../shared/diagnosis/rounding/in-keeping';
import { partText } from '../../shared/diagnosis/rounding/rounding-text';
import { HYPOTHESES } from '../../shared/diagnosis/registry';
import { Replay } from '../../shared/diagnosis/replay';
import type { MatMulEngine } from '../../shared/ops/mat-mul-engine';
import { withEngine } from '../lanes/reference-run';
import type { FirstBad } from '../repro/first-bad';
import { weightsOfCause } from '../repro/first-bad';
import { RecordedWeights } from '../repro/repro-weights';
import type { CauseBudgets } from './search-budgets';
import type { Judged } from './step-judge';

export interface JudgedStep extends StepResult {
  readonly examination: Judged;
}

export interface CloserLook {
  /** The steps; what turned out to be rounding, or a mistake, is judged so. */
  readonly steps: readonly JudgedStep[];
  readonly diagnoses: ReadonlyMap<JudgedNode, Diagnosis>;
}

/**
 * The first bad node with every hypothesis; the others with what was already proved first, as far as the budgets go. A node
 * whose numbers a deliberate rounding reproduces is rounded, not bad; one whose noise a mistake reproduces is bad.
 * @param onFirst takes what is known of the first bad node, for a repro
 */
export async function diagnoseSteps(
  steps: readonly JudgedStep[],
  budgets: CauseBudgets,
  control: JobControl,
  onFirst?: (first: FirstBad) => void,
): Promise<CloserLook> {
  const [first] = steps;
  const looked = steps.some((s) => s.examination.judged.some(({ judgement: j }) => j.bad || j.rounding));
  if (!first || !looked) return { steps, diagnoses: new Map() };
  return withEngine(first.examination.evidence.weights, control, undefined, async (engine) => {
    const look = new Look(engine, control);
    await look.atRounded(steps, budgets.rounded());
    await look.atBad(steps, budgets, onFirst);
    return look.applied(steps);
  });
}

interface Looked {
  readonly step: JudgedStep;
  readonly judged: JudgedNode;
}

class Look {
  private readonly diagnoses = new Map<JudgedNode, NodeDiagnosis>();
  private readonly proved = new Map<string, Hypothesis>();
  /** Judgements that a closer look has changed. */
  private readonly judgements = new Map<JudgedNode, Judgement>();

  constructor(
    private readonly engine: MatMulEngine,
    private readonly control: JobControl,
  ) {}

  /** Nodes of one name round alike: the one farthest off is looked at, and the others only where a mistake is found. */
  async atRounded(steps: readonly JudgedStep[], budget: Budget): Promise<void> {
    for (const alike of ofOneKind(steps)) {
      const [farthest, ...others] = alike;
      if (!farthest || budget.isSpent) return;
      const found = await this.lookAt(farthest, mistakesLike(farthest), budget, true);
      if (!isMistake(farthest, found)) continue;
      this.turnBad(farthest, found);
      const same = [...this.proved.values()];
      for (const other of others) {
        const again = await this.lookAt(other, same, budget, true);
        if (isMistake(other, again)) this.turnBad(other, again);
      }
    }
  }

  async atBad(steps: readonly JudgedStep[], budgets: CauseBudgets, onFirst?: (first: FirstBad) => void): Promise<void> {
    const bad = steps.flatMap((step) =>
      step.examination.judged.filter((j) => this.isBad(j)).map((judged) => ({ step, judged })),
    );
    let forOthers: Budget | undefined;
    for (const at of bad) {
      if (!forOthers) {
        if (await this.isFirst(at, budgets.first, onFirst)) forOthers = budgets.others();
        continue;
      }
      if (forOthers.isSpent) break;
      if (!this.diagnoses.has(at.judged)) await this.atOther(at, budgets.other(forOthers));
    }
  }

  /** The steps as they are judged now. */
  applied(steps: readonly JudgedStep[]): CloserLook {
    const diagnoses = new Map<JudgedNode, Diagnosis>();
    const again = (j: JudgedNode): JudgedNode => {
      const judgement = this.judgements.get(j);
      const now = judgement ? { ...j, judgement } : j;
      const found = this.diagnoses.get(j);
      if (found && now.judgement.bad) diagnoses.set(now, found);
      return now;
    };
    return {
      steps: steps.map((s) => ({
        ...s,
        examination: { ...s.examination, judged: s.examination.judged.map(again) },
      })),
      diagnoses,
    };
  }

  /** Looks at a bad node with every hypothesis. False where it turns out to round. */
  private async isFirst(
    { step, judged }: Looked,
    budget: Budget,
    onFirst?: (first: FirstBad) => void,
  ): Promise<boolean> {
    const { evidence, arithmetics } = step.examination;
    const weights = new RecordedWeights(evidence.weights);
    const control = this.stage(judged);
    const request = { ...evidence, weights, judged, arithmetics };
    const replay = await Replay.open({ ...request, engine: this.engine, control });
    const { noiseFloor } = judged.judgement;
    const how = { replay, noiseFloor, control, budget };
    const known = await diagnose({ ...how, hypotheses: [...this.proved.values()] });
    if (this.isRounding(judged, known)) return false;
    const { probe } = evidence;
    const ask = probe && ((b: Float32Array) => probe(judged.node, b));
    const found = await diagnose({ ...how, hypotheses: HYPOTHESES, weight: { probe: ask } });
    this.note(judged, found);
    if (this.isRounding(judged, found)) return false;
    onFirst?.({ step: step.index, request, replay, found, weights: await weightsOfCause(weights, replay, found) });
    return true;
  }

  private async atOther(at: Looked, budget: Budget): Promise<void> {
    const known = await this.lookAt(at, [...this.proved.values()], budget);
    const found = known.cause ? known : await this.lookAt(at, HYPOTHESES, budget);
    this.note(at.judged, found);
    this.isRounding(at.judged, found);
  }

  private async lookAt(
    { step, judged }: Looked,
    hypotheses: readonly Hypothesis[],
    budget: Budget,
    isNoise = false,
  ): Promise<NodeDiagnosis> {
    const { evidence, arithmetics } = step.examination;
    const control = this.stage(judged);
    const replay = await Replay.open({ ...evidence, judged, arithmetics, engine: this.engine, control });
    return diagnose({ replay, hypotheses, noiseFloor: judged.judgement.noiseFloor, control, budget, isNoise });
  }

  /** What was proved here is the first thing to try at the next node: the same mistake with the same parameters. */
  private note(judged: JudgedNode, found: NodeDiagnosis): void {
    this.diagnoses.set(judged, found);
    if (!found.proved) return;
    const { hypothesis, label } = found.proved.trial;
    const key = `${hypothesis.id} ${label}`;
    if (!this.proved.has(key)) this.proved.set(key, onlyWith(hypothesis, label));
  }

  /** Whether a deliberate rounding reproduces the node's numbers; it is judged so then. */
  private isRounding(judged: JudgedNode, { proved }: NodeDiagnosis): boolean {
    const { hypothesis, parameters, label } = proved?.trial ?? {};
    const { nonFinite, ...judgement } = judged.judgement;
    if (!hypothesis?.rounds || !parameters || nonFinite) return false;
    const { part, to } = hypothesis.rounds(parameters);
    const rounding = { part, to, underflow: false, reproduced: true, text: `${partText(part)} in ${to} (${label})` };
    this.judgements.set(judged, { ...judgement, nonFinite, bad: false, rounding, why: rounding.text });
    return true;
  }

  private turnBad({ judged }: Looked, found: NodeDiagnosis): void {
    const { rounding, ...judgement } = judged.judgement;
    const why = `it looks like rounding (${rounding?.text ?? ''}), but a mistake gives these numbers`;
    this.judgements.set(judged, { ...judgement, bad: true, why });
    this.note(judged, found);
  }

  private isBad(judged: JudgedNode): boolean {
    return (this.judgements.get(judged) ?? judged.judgement).bad;
  }

  private stage(judged: JudgedNode): JobControl {
    return staged(this.control, `why ${judged.node.key} is wrong (${this.diagnoses.size + 1})`);
  }
}

/** Mistakes alone: what engines do on purpose is rounding. */
const MISTAKES = HYPOTHESES.filter((h) => !h.rounds);
/** Those that say how the numbers came about: zeros and factors are what is left of values that vanish. */
const PARTICULAR = MISTAKES.filter((h) => h.generality <= 2);

/** Those that tell from noise like a node's. */
function mistakesLike({ judged }: Looked): readonly Hypothesis[] {
  return judged.judgement.rounding?.underflow ? PARTICULAR : MISTAKES;
}

/** Errors of values that vanish are as large as mistakes': one of those has to leave nothing but rounding. */
function isMistake({ judged }: Looked, { proved }: NodeDiagnosis): boolean {
  const least = judged.judgement.rounding?.underflow ? CAUSE.estimatedShare : 0;
  return proved !== undefined && proved.trial.share >= least;
}

/** Nodes whose error is noise of a rounding's size, those of one name together, farthest from their floors first. */
function ofOneKind(steps: readonly JudgedStep[]): readonly (readonly Looked[])[] {
  const kinds = new Map<string, Looked[]>();
  for (const step of steps) {
    for (const judged of step.examination.judged) {
      const { rounding } = judged.judgement;
      if (!rounding || rounding.reproduced || rounding.part === 'function') continue;
      const kind = kindOfNode(judged.node);
      kinds.set(kind, [...(kinds.get(kind) ?? []), { step, judged }]);
    }
  }
  const floors = ({ judged: { judgement } }: Looked): number => judgement.localNmse / judgement.noiseFloor;
  return [...kinds.values()].map((alike) => alike.sort((a, b) => floors(b) - floors(a)));
}

/** The hypothesis with its one variant of this label. */
function onlyWith(hypothesis: Hypothesis, label: string): Hypothesis {
  return {
    ...hypothesis,
    *variants(site) {
      for (const variant of hypothesis.variants(site)) if (variant.label === label) yield variant;
    },
  };
}
