import { staged } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import { defined } from '../../shared/base/assert';
import type { Candidate, Examination } from '../../shared/divergence/examine';
import { examine } from '../../shared/divergence/examine';
import { ablatedGraph } from '../../shared/gguf/ablated-weights';
import type { Graph, GraphTensor } from '../../shared/graph/graph';
import { planPartOfRun } from '../../shared/graph/part';
import { StateMemories } from '../../shared/ops/state-memories';
import type { TraceSource } from '../../shared/trace/trace';
import type { WeightView } from '../files/weight-view';
import { referenceRun } from '../lanes/reference-run';
import type { CapturedStep, CaptureSession } from './capture-session';
import type { SelectNodes } from './node-selection';
import { selectedNodes } from './node-selection';

export interface JudgeContext {
  readonly session: CaptureSession;
  readonly weights: WeightView;
  readonly control: JobControl;
  readonly select?: SelectNodes;
  /** The graph as the candidate computes it, where that is another convention than llama.cpp's. */
  readonly readAs?: (graph: Graph) => Graph;
}

/** An examination, and what it takes to run its nodes again. */
export interface Judged extends Examination {
  readonly evidence: StepEvidence;
}

export interface StepEvidence {
  readonly graph: Graph;
  readonly weights: WeightView;
  readonly captured: TraceSource;
  readonly candidate: Candidate;
  /** The states before the step; absent at the prompt, and where every node is right. */
  readonly states?: StateMemories;
  /** What the candidate computed on its own results, for lanes that were judged on others. */
  readonly free?: Candidate;
  /** Runs one node of the candidate on the seed's values but for source 1; for lanes that execute the graph. */
  readonly probe?: LaneProbe;
}

/** The candidate's own result at a node with other values for its source 1; undefined where it cannot be run so. */
export type LaneProbe = (node: GraphTensor, b: Float32Array) => Promise<Float32Array | undefined>;

/**
 * Judges a candidate step by step, each on the states of the steps before. A step that is asked for first makes all
 * before it be judged too, so a judge that is seldom needed costs nothing until then.
 */
export class StepJudge {
  private readonly states = new StateMemories();
  private readonly done: Judged[] = [];

  /** @param candidateAt what the candidate computed at a step, and on which inputs */
  constructor(
    private readonly context: JudgeContext,
    private readonly candidateAt: (step: CapturedStep) => Candidate,
    private readonly probeAt?: (step: CapturedStep) => LaneProbe,
  ) {}

  async at(index: number): Promise<Judged> {
    for (let next = this.done.length; next <= index; next++) {
      const step = defined(this.context.session.steps[next], `step ${next}`);
      this.done.push(await this.judge(step));
    }
    return defined(this.done[index], `examination of step ${index}`);
  }

  private async judge(step: CapturedStep): Promise<Judged> {
    const { session, weights, control, select, readAs } = this.context;
    const what = 'judge each node on its own inputs';
    const before = step.index === 0 ? undefined : this.states.clone();
    const graph = ablatedGraph(step.graph, weights.access.precision);
    const evidence = {
      graph: readAs?.(graph) ?? graph,
      weights,
      captured: step.captured,
      candidate: this.candidateAt(step),
    };
    const examination = await examine({
      ...evidence,
      run: referenceRun,
      states: this.states,
      control: staged(control, step.index === 0 ? what : `${what}, step ${step.index}`),
      ...(select ? { part: planPartOfRun(step.graph, selectedNodes(select, session, step)) } : {}),
    });
    // Only a closer look at a bad node needs the states as they were.
    const states = examination.judged.some((j) => j.judgement.bad) ? before : undefined;
    const probe = this.probeAt?.(step);
    return {
      ...examination,
      evidence: { ...evidence, ...(states ? { states } : {}), ...(probe ? { probe } : {}) },
    };
  }
}
