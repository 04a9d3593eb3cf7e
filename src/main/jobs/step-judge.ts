import { staged } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import { defined } from '../../shared/base/assert';
import type { Candidate, Examination } from '../../shared/divergence/examine';
import { examine } from '../../shared/divergence/examine';
import { ablatedGraph } from '../../shared/gguf/ablated-weights';
import { planPart } from '../../shared/graph/part';
import { StateMemories } from '../../shared/ops/state-memories';
import type { WeightView } from '../files/weight-view';
import { referenceRun } from '../lanes/reference-run';
import type { CapturedStep, CaptureSession } from './capture-session';
import type { SelectNodes } from './node-selection';

export interface JudgeContext {
  readonly session: CaptureSession;
  readonly weights: WeightView;
  readonly control: JobControl;
  readonly select?: SelectNodes;
}

/**
 * Judges a candidate step by step, each on the states of the steps before. A step that is asked for first makes all
 * before it be judged too, so a judge that is seldom needed costs nothing until then.
 */
export class StepJudge {
  private readonly states = new StateMemories();
  private readonly done: Examination[] = [];

  /** @param candidateAt what the candidate computed at a step, and on which inputs */
  constructor(
    private readonly context: JudgeContext,
    private readonly candidateAt: (step: CapturedStep) => Candidate,
  ) {}

  async at(index: number): Promise<Examination> {
    for (let next = this.done.length; next <= index; next++) {
      const step = defined(this.context.session.steps[next], `step ${next}`);
      this.done.push(await this.judge(step));
    }
    return defined(this.done[index], `examination of step ${index}`);
  }

  private judge(step: CapturedStep): Promise<Examination> {
    const { weights, control, select } = this.context;
    const what = 'judge each node on its own inputs';
    return examine({
      graph: ablatedGraph(step.graph, weights.access.precision),
      weights,
      captured: step.captured,
      candidate: this.candidateAt(step),
      run: referenceRun,
      states: this.states,
      control: staged(control, step.index === 0 ? what : `${what}, step ${step.index}`),
      ...(select ? { part: planPart(step.graph, select(step.graph)) } : {}),
    });
  }
}
