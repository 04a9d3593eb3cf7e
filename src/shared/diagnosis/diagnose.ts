/** Replays every hypothesis that can apply at a bad node or inside its stretch, and names the one that is the cause. */
import { defined } from '../base/assert';
import type { Budget } from '../base/budget';
import type { JobControl } from '../base/progress';
import { CAUSE } from '../compare/tolerance';
import type { Diagnosis } from '../divergence/assemble-verdict';
import type { Alternative, Cause } from '../divergence/cause';
import type { Arithmetic } from '../ops/arithmetic';
import type { Attempt, AttemptAt, ProvedTrial } from './attempt';
import { attemptsAt, runTrial, valueOf } from './attempt';
import { errorShape } from './error-shape';
import { bestValue } from './family-search';
import type { Hypothesis } from './hypothesis';
import { jointTrials } from './joint-trials';
import { isProved, ranked } from './rank';
import type { Trial } from './rank';
import type { Replay, Replayed } from './replay';
import { sampledReplay } from './sampled-replay';
import type { NodeProbe } from './weight-block';
import { weightFinding } from './weight-block';

export interface DiagnoseRequest {
  readonly replay: Replay;
  readonly hypotheses: readonly Hypothesis[];
  readonly noiseFloor: number;
  /** Whether the error looks like noise: then a cause has to reproduce it, not only to come near its floor. */
  readonly isNoise?: boolean;
  readonly control: JobControl;
  /** No further trial is begun once it is spent; counted in multiply-adds. */
  readonly budget: Budget;
  /** Also looks for the weight block, asking the candidate where it can be asked; not looked for when absent. */
  readonly weight?: { readonly probe: NodeProbe | undefined };
}

/** Looks for the cause of one bad node. */
export interface NodeDiagnosis extends Diagnosis {
  /** The trial that reproduced the wrong numbers, to run again. */
  readonly proved: ProvedTrial | undefined;
}

/** Trials that are looked at again in every arithmetic, on the whole node. */
const FINALISTS = 12;
/** Alternatives and near misses that are reported. */
const REPORTED = 4;
/** Shares below say nothing. */
const LEAST_REPORTED = 0.1;
export function diagnose(request: DiagnoseRequest): Promise<NodeDiagnosis> {
  return new DiagnosisRun(request).finish();
}

class DiagnosisRun {
  private readonly found: ProvedTrial[] = [];
  private readonly whole = new Map<ProvedTrial, Trial | undefined>();
  /** Where most trials run first: the node itself, or some of its rows. */
  private readonly sample: Replayed | undefined;
  private untried = 0;
  private tried = 0;

  constructor(private readonly request: DiagnoseRequest) {
    this.sample = sampledReplay(request.replay);
  }

  async finish(): Promise<NodeDiagnosis> {
    const { hypotheses, control, replay, noiseFloor, weight } = this.request;
    for (const [done, hypothesis] of hypotheses.entries()) {
      control.progress({ stage: 'replay hypotheses', done, total: hypotheses.length, detail: hypothesis.id });
      await this.screen(hypothesis);
    }
    const finals = await this.finalOrJoint();
    const proved = this.proved(finals);
    const near = oneOfEach(
      finals.filter((f) => f !== proved).map(({ trial }) => trial),
      proved?.trial,
    );
    return {
      cause: proved ? causeOf(proved.trial, near) : null,
      shape: errorShape(replay, noiseFloor, proved ? [] : near.map(alternativeOf)),
      weight: weight ? await weightFinding({ replay, proved, ...weight }) : null,
      tried: this.tried,
      untried: this.untried,
      proved,
    };
  }

  /** The first that is proved. Where all is NaN or infinite, several ranges may be too small for it: none is proved then. */
  private proved(finals: readonly ProvedTrial[]): ProvedTrial | undefined {
    const { noiseFloor, isNoise, replay } = this.request;
    const [first, ...others] = finals.filter((f) => isProved(f.trial, noiseFloor, !isNoise));
    const saysAnother = ({ trial }: ProvedTrial): boolean => trial.hypothesis.id !== first?.trial.hypothesis.id;
    return first && !hasFinite(replay) && others.some(saysAnother) ? undefined : first;
  }

  private async screen(hypothesis: Hypothesis): Promise<void> {
    const { replay } = this.request;
    const onSample = new Map(
      this.sample ? attemptsAt(hypothesis, this.sample, this.first).map((a) => [a.label, a]) : [],
    );
    for (const attempt of attemptsAt(hypothesis, replay, this.first)) {
      this.request.control.throwIfCancelled();
      if (this.request.budget.isSpent) {
        this.untried++;
        continue;
      }
      this.tried++;
      await this.breathe();
      const sampled = attempt.needsAllRows ? undefined : onSample.get(attempt.label);
      if (this.sample && sampled) await this.search(sampled, this.sample, attempt);
      else await this.search(attempt, replay, attempt);
    }
  }

  /**
   * Tries an attempt where it is cheap, and notes it with what it takes to try it on the whole node.
   * @param attempt on `replay`
   */
  private async search(attempt: Attempt, replay: Replayed, whole: Attempt): Promise<void> {
    const tryAt = async (value: number | undefined): Promise<Trial | undefined> => {
      const trial = await this.trial(attempt.hypothesis, valueOf(attempt, value), replay, this.first);
      if (!trial || !(trial.share > 0)) return trial;
      this.found.push({ trial, at: valueOf(whole, value), attempt: whole.label, value });
      return trial;
    };
    if (!attempt.family) {
      await tryAt(undefined);
      return;
    }
    const before = this.found.length;
    await bestValue(attempt.family, async (value) => (await tryAt(value))?.share ?? NaN);
    // of one family only the best value counts
    const own = this.found.splice(before).sort((a, b) => b.trial.share - a.trial.share);
    this.found.push(...own.slice(0, 1));
  }

  /** Where no mistake at one node or at all of a stretch leaves rounding only, one at some of them may. */
  private async finalOrJoint(): Promise<readonly ProvedTrial[]> {
    const { replay } = this.request;
    const finals = await this.final();
    const share = this.proved(finals)?.trial.share ?? 0;
    if (replay.nodes.length === 1 || share >= 1 - CAUSE.tie) return finals;
    const joint = await jointTrials({
      alone: this.found,
      togetherOf: ({ hypothesis, label }) =>
        attemptsAt(hypothesis, replay, this.first).find((attempt) => attempt.label === label),
      run: async ({ hypothesis }, at) => {
        this.request.control.throwIfCancelled();
        if (this.request.budget.isSpent) return undefined;
        await this.breathe();
        return this.trial(hypothesis, at, replay, this.first);
      },
    });
    if (joint.length === 0) return finals;
    this.found.push(...joint);
    return this.final();
  }

  /** The best ones on the whole node, in the arithmetic in which each comes nearest. */
  private async final(): Promise<readonly ProvedTrial[]> {
    const { noiseFloor, replay } = this.request;
    // where nothing finite is left to compare, whatever makes everything NaN would explain it
    const telling = hasFinite(replay) ? this.found : this.found.filter((f) => f.trial.hypothesis.byRange);
    const byTrial = new Map(telling.map((f) => [f.trial, f]));
    const finals = new Map<Trial, ProvedTrial>();
    for (const trial of finalists([...byTrial.keys()], noiseFloor)) {
      const first = defined(byTrial.get(trial), `the variants of ${trial.label}`);
      const best = await this.onWhole(first);
      if (best) finals.set(best, { ...first, trial: best });
    }
    return ranked([...finals.keys()], noiseFloor).map((trial) => defined(finals.get(trial), trial.label));
  }

  /** A finalist on the whole node, in its best arithmetic; run once, though finalists are ranked again with joint ones. */
  private async onWhole(first: ProvedTrial): Promise<Trial | undefined> {
    const { replay } = this.request;
    if (this.whole.has(first)) return this.whole.get(first);
    let best: Trial | undefined;
    for (const arithmetic of replay.arithmetics) {
      const again = await this.trial(first.trial.hypothesis, first.at, replay, arithmetic);
      if (again && (!best || again.share > best.share)) best = again;
    }
    this.whole.set(first, best);
    return best;
  }

  private get first(): Arithmetic {
    return defined(this.request.replay.arithmetics[0], 'the first arithmetic');
  }

  private trial(
    hypothesis: Hypothesis,
    at: AttemptAt,
    replay: Replayed,
    arithmetic: Arithmetic,
  ): Promise<Trial | undefined> {
    const { budget, noiseFloor } = this.request;
    budget.spend(replay.work);
    return runTrial(hypothesis, at, replay, arithmetic, noiseFloor);
  }

  private async breathe(): Promise<void> {
    await this.request.control.breathe?.();
  }
}

/** The best ones, and the one that says most precisely where the result is wrong. */
function finalists(trials: readonly Trial[], noiseFloor: number): readonly Trial[] {
  const order = ranked(trials, noiseFloor);
  const place = order.slice(FINALISTS).find(({ hypothesis }) => hypothesis.generality === 4);
  return [...order.slice(0, FINALISTS), ...(place ? [place] : [])];
}

function hasFinite({ wrong, mask }: Replayed): boolean {
  return wrong.some((w, i) => mask?.[i] !== 0 && Number.isFinite(w));
}

/** The best trial of each hypothesis, but for the cause's own and those that say the same less precisely. */
function oneOfEach(trials: readonly Trial[], cause: Trial | undefined): readonly Trial[] {
  const first = new Map<string, Trial>();
  for (const trial of trials) {
    const { id } = trial.hypothesis;
    if (trial.share >= LEAST_REPORTED && !first.has(id) && !(cause && saysTheSame(trial, cause))) first.set(id, trial);
  }
  return [...first.values()].slice(0, REPORTED);
}

function saysTheSame(trial: Trial, cause: Trial): boolean {
  if (trial.hypothesis.id === cause.hypothesis.id) return true;
  return trial.hypothesis.generality > cause.hypothesis.generality && trial.share >= cause.share - CAUSE.tie;
}

function alternativeOf({ hypothesis, share, nodes, parameters }: Trial): Alternative {
  return { id: hypothesis.id, title: hypothesis.title, explained: share, nodes, parameters };
}

function causeOf(trial: Trial, alternatives: readonly Trial[]): Cause {
  const { explanation, whereToLook, citations } = trial.hypothesis;
  return {
    ...alternativeOf(trial),
    explanation,
    whereToLook,
    citations,
    alternatives: alternatives.map(alternativeOf),
  };
}
