/** Replays every hypothesis that can apply at a bad node or inside its stretch, and names the one that is the cause. */
import { defined } from '../base/assert';
import type { NodeId } from '../base/brand';
import { QuarrelError } from '../base/errors';
import type { JobControl } from '../base/progress';
import type { Diagnosis } from '../divergence/assemble-verdict';
import type { Alternative, Cause } from '../divergence/cause';
import type { GraphTensor } from '../graph/graph';
import type { Arithmetic } from '../ops/arithmetic';
import { errorShape } from './error-shape';
import { explainedShare } from './explained';
import { bestValue } from './family-search';
import type { Family, Hypothesis, Variant } from './hypothesis';
import { isFamily } from './hypothesis';
import { isProved, ranked } from './rank';
import type { Trial } from './rank';
import type { Prediction, Replay } from './replay';

export interface DiagnoseRequest {
  readonly replay: Replay;
  readonly hypotheses: readonly Hypothesis[];
  readonly noiseFloor: number;
  readonly control: JobControl;
  /** Milliseconds after which no further trial is begun. */
  readonly budget: number;
}

export interface DiagnosisWithHypothesis extends Diagnosis {
  /** The hypothesis that was proved: the first to try at the next bad node. */
  readonly proved: Hypothesis | undefined;
}

/** Trials that are looked at again in every arithmetic. */
const FINALISTS = 8;
/** Alternatives and near misses that are reported. */
const REPORTED = 4;
/** Shares below say nothing. */
const LEAST_REPORTED = 0.1;

/** The same mistake at some nodes. */
interface Attempt<V> {
  readonly hypothesis: Hypothesis;
  readonly at: ReadonlyMap<GraphTensor, V>;
}

export async function diagnose(request: DiagnoseRequest): Promise<DiagnosisWithHypothesis> {
  const run = new DiagnosisRun(request);
  return run.finish();
}

class DiagnosisRun {
  private readonly trials: Trial[] = [];
  private readonly until: number;
  private untried = 0;
  private tried = 0;

  constructor(private readonly request: DiagnoseRequest) {
    this.until = performance.now() + request.budget;
  }

  async finish(): Promise<DiagnosisWithHypothesis> {
    const { hypotheses, control, replay, noiseFloor } = this.request;
    for (const [done, hypothesis] of hypotheses.entries()) {
      control.progress({ stage: 'replay hypotheses', done, total: hypotheses.length, detail: hypothesis.id });
      for (const attempt of this.attempts(hypothesis)) await this.screen(attempt);
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
    }
    const finalists = ranked(this.trials, noiseFloor).slice(0, FINALISTS);
    for (const [i, trial] of finalists.entries()) finalists.splice(i, 1, await this.inEveryArithmetic(trial));
    const order = ranked(finalists, noiseFloor);
    const [best, ...others] = order;
    const proved = best && isProved(best, noiseFloor) ? best : undefined;
    const near = (proved ? others : order).filter((t) => t.share >= LEAST_REPORTED).slice(0, REPORTED);
    return {
      cause: proved ? causeOf(proved, near) : null,
      shape: errorShape(replay, noiseFloor, proved ? [] : near.map(alternativeOf)),
      weight: null,
      tried: this.tried,
      untried: this.untried,
      proved: proved?.hypothesis,
    };
  }

  /** Each way to make the mistake: at all nodes of the stretch where it can be made alike, then at each alone. */
  private *attempts(hypothesis: Hypothesis): Iterable<Attempt<Variant | Family>> {
    const { replay } = this.request;
    const byLabel = new Map<string, Map<GraphTensor, Variant | Family>>();
    for (const node of replay.nodes) {
      const site = replay.site(node, this.first);
      if (!site) continue;
      for (const variant of hypothesis.variants(site)) {
        const at = byLabel.get(variant.label) ?? new Map<GraphTensor, Variant | Family>();
        byLabel.set(variant.label, at.set(node, variant));
      }
    }
    for (const at of byLabel.values()) yield { hypothesis, at };
    for (const at of byLabel.values()) {
      if (at.size > 1) for (const [node, variant] of at) yield { hypothesis, at: new Map([[node, variant]]) };
    }
  }

  private get first(): Arithmetic {
    return defined(this.request.replay.arithmetics[0], 'the first arithmetic');
  }

  private async screen(attempt: Attempt<Variant | Family>): Promise<void> {
    this.request.control.throwIfCancelled();
    if (performance.now() > this.until) {
      this.untried++;
      return;
    }
    this.tried++;
    const variants = [...attempt.at].map(([node, v]) => [node, v] as const);
    const families = variants.flatMap(([, v]) => (isFamily(v) ? [v] : []));
    const [family] = families;
    if (!family) {
      await this.tryOne(attempt.hypothesis, new Map(variants.flatMap(([n, v]) => (isFamily(v) ? [] : [[n, v]]))));
      return;
    }
    const atValue = (value: number): ReadonlyMap<GraphTensor, Variant> =>
      new Map(variants.map(([node, v]) => [node, isFamily(v) ? v.at(value) : v]));
    const found = await bestValue(family, async (value) => {
      const trial = await this.trial(attempt.hypothesis, atValue(value), this.first);
      return trial?.share ?? NaN;
    });
    if (found) await this.tryOne(attempt.hypothesis, atValue(found.value));
  }

  private async tryOne(hypothesis: Hypothesis, at: ReadonlyMap<GraphTensor, Variant>): Promise<void> {
    const trial = await this.trial(hypothesis, at, this.first);
    if (trial && trial.share > 0) this.trials.push(trial);
  }

  private readonly variantsOf = new WeakMap<Trial, ReadonlyMap<GraphTensor, Variant>>();

  private async trial(
    hypothesis: Hypothesis,
    at: ReadonlyMap<GraphTensor, Variant>,
    arithmetic: Arithmetic,
  ): Promise<Trial | undefined> {
    const { replay, noiseFloor } = this.request;
    const changes = new Map<NodeId, Prediction>(
      [...at].map(([node, variant]) => [node.id, (site) => variant.predict(site)]),
    );
    const [variant] = at.values();
    const { label, parameters } = defined(variant, 'a variant');
    try {
      const predicted = await replay.predict(changes, arithmetic);
      const explained = explainedShare(replay.right(arithmetic), replay.wrong, predicted, noiseFloor, replay.mask);
      const nodes = [...at.keys()].map((node) => node.key);
      const trial = { hypothesis, label, parameters, nodes, arithmetic, ...explained };
      this.variantsOf.set(trial, at);
      return trial;
    } catch (error) {
      if (error instanceof QuarrelError) return undefined;
      throw error;
    }
  }

  /** The candidate need not compute as exact arithmetic does: the one in which the trial comes nearest counts. */
  private async inEveryArithmetic(trial: Trial): Promise<Trial> {
    const at = defined(this.variantsOf.get(trial), `the variants of ${trial.label}`);
    let best = trial;
    for (const arithmetic of this.request.replay.arithmetics.slice(1)) {
      const again = await this.trial(trial.hypothesis, at, arithmetic);
      if (again && again.residualNmse < best.residualNmse && again.share >= best.share) best = again;
    }
    return best;
  }
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
