/** Looks more closely at the bad nodes of a run: why each is wrong. */
import type { Budget } from '../../shared/base/budget';
import type { JobControl } from '../../shared/base/progress';
import { staged } from '../../shared/base/control';
import type { Diagnosis, StepResult } from '../../shared/divergence/assemble-verdict';
import type { JudgedNode } from '../../shared/divergence/examine';
import type { NodeDiagnosis } from '../../shared/diagnosis/diagnose';
import { diagnose } from '../../shared/diagnosis/diagnose';
import type { Hypothesis } from '../../shared/diagnosis/hypothesis';
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

/**
 * The first bad node with every hypothesis; the others with what was already proved first, as far as the budgets go.
 * @param onFirst takes what is known of the first bad node, for a repro
 */
export async function diagnoseSteps(
  steps: readonly JudgedStep[],
  budgets: CauseBudgets,
  control: JobControl,
  onFirst?: (first: FirstBad) => void,
): Promise<ReadonlyMap<JudgedNode, Diagnosis>> {
  const bad = steps.flatMap((step) =>
    step.examination.judged.filter((j) => j.judgement.bad).map((judged) => ({ step, judged })),
  );
  const [first, ...others] = bad;
  if (!first) return new Map();
  const { weights } = first.step.examination.evidence;
  return withEngine(weights, control, undefined, async (engine) => {
    const look = new CloserLook(engine, control, bad.length);
    await look.atFirst(first, budgets.first, onFirst);
    const forOthers = budgets.others();
    for (const other of others) {
      if (forOthers.isSpent) break;
      await look.atOther(other, budgets.other(forOthers));
    }
    return look.diagnoses;
  });
}

interface Bad {
  readonly step: JudgedStep;
  readonly judged: JudgedNode;
}

class CloserLook {
  readonly diagnoses = new Map<JudgedNode, Diagnosis>();
  private readonly proved = new Map<string, Hypothesis>();

  constructor(
    private readonly engine: MatMulEngine,
    private readonly control: JobControl,
    private readonly count: number,
  ) {}

  async atFirst({ step, judged }: Bad, budget: Budget, onFirst?: (first: FirstBad) => void): Promise<void> {
    const { evidence, arithmetics } = step.examination;
    const weights = new RecordedWeights(evidence.weights);
    const control = this.stage(judged);
    const request = { ...evidence, weights, judged, arithmetics };
    const replay = await Replay.open({ ...request, engine: this.engine, control });
    const { probe } = evidence;
    const ask = probe && ((b: Float32Array) => probe(judged.node, b));
    const { noiseFloor } = judged.judgement;
    const how = { hypotheses: HYPOTHESES, noiseFloor, control, budget, weight: { probe: ask } };
    const found = await diagnose({ replay, ...how });
    this.note(judged, found);
    onFirst?.({ step: step.index, request, replay, found, weights: await weightsOfCause(weights, replay, found) });
  }

  async atOther({ step, judged }: Bad, budget: Budget): Promise<void> {
    const { evidence, arithmetics } = step.examination;
    const control = this.stage(judged);
    const replay = await Replay.open({ ...evidence, judged, arithmetics, engine: this.engine, control });
    const { noiseFloor } = judged.judgement;
    const known = await diagnose({ replay, hypotheses: [...this.proved.values()], noiseFloor, control, budget });
    this.note(
      judged,
      known.cause ? known : await diagnose({ replay, hypotheses: HYPOTHESES, noiseFloor, control, budget }),
    );
  }

  /** What was proved here is the first thing to try at the next node: the same mistake with the same parameters. */
  private note(judged: JudgedNode, found: NodeDiagnosis): void {
    this.diagnoses.set(judged, found);
    if (!found.proved) return;
    const { hypothesis, label } = found.proved.trial;
    const key = `${hypothesis.id} ${label}`;
    if (!this.proved.has(key)) this.proved.set(key, onlyWith(hypothesis, label));
  }

  private stage(judged: JudgedNode): JobControl {
    return staged(this.control, `why ${judged.node.key} is wrong (${this.diagnoses.size + 1} of ${this.count})`);
  }
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
