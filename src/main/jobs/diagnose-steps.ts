/** Looks more closely at the bad nodes of a run: why each is wrong. */
import type { JobControl } from '../../shared/base/progress';
import { staged } from '../../shared/base/control';
import type { Diagnosis, StepResult } from '../../shared/divergence/assemble-verdict';
import type { JudgedNode } from '../../shared/divergence/examine';
import { diagnose } from '../../shared/diagnosis/diagnose';
import type { Hypothesis } from '../../shared/diagnosis/hypothesis';
import { HYPOTHESES } from '../../shared/diagnosis/registry';
import { Replay } from '../../shared/diagnosis/replay';
import { withEngine } from '../lanes/reference-run';
import type { Judged } from './step-judge';

export interface JudgedStep extends StepResult {
  readonly examination: Judged;
}

/** Milliseconds for the first bad node, which is what the user came for. */
const FIRST_BUDGET = 60_000;
/** Milliseconds for all others together: most have the first one's cause. */
const OTHERS_BUDGET = 30_000;
/** Milliseconds for one of the others. */
const OTHER_BUDGET = 10_000;

/** The first bad node with every hypothesis; the others with those already proved first, as long as time allows. */
export async function diagnoseSteps(
  steps: readonly JudgedStep[],
  control: JobControl,
): Promise<ReadonlyMap<JudgedNode, Diagnosis>> {
  const diagnoses = new Map<JudgedNode, Diagnosis>();
  const proved = new Set<Hypothesis>();
  const bad = steps.flatMap((s) => s.examination.judged.filter((j) => j.judgement.bad).map((j) => ({ s, j })));
  let until = Infinity;
  for (const [i, { s, j }] of bad.entries()) {
    const stage = staged(control, `why ${j.node.key} is wrong (${i + 1} of ${bad.length})`);
    const budget = i === 0 ? FIRST_BUDGET : Math.min(OTHER_BUDGET, until - performance.now());
    if (budget <= 0) break;
    const found = await diagnoseNode(s.examination, j, { proved: [...proved], budget, control: stage });
    diagnoses.set(j, found);
    if (found.proved) proved.add(found.proved.trial.hypothesis);
    if (i === 0) until = performance.now() + OTHERS_BUDGET;
  }
  return diagnoses;
}

interface Effort {
  readonly proved: readonly Hypothesis[];
  readonly budget: number;
  readonly control: JobControl;
}

function diagnoseNode(examination: Judged, judged: JudgedNode, effort: Effort): ReturnType<typeof diagnose> {
  const { evidence, arithmetics } = examination;
  const { proved, budget, control } = effort;
  const { noiseFloor } = judged.judgement;
  return withEngine(evidence.weights, control, undefined, async (engine) => {
    const replay = await Replay.open({ ...evidence, judged, arithmetics, engine, control });
    const { probe } = evidence;
    const ask = probe && ((b: Float32Array) => probe(judged.node, b));
    if (proved.length > 0) {
      const known = await diagnose({ replay, hypotheses: proved, noiseFloor, control, budget, probe: ask });
      if (known.cause) return known;
    }
    return diagnose({ replay, hypotheses: HYPOTHESES, noiseFloor, control, budget, probe: ask });
  });
}
