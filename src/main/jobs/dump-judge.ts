import type { Candidate } from '../../shared/divergence/examine';
import type { CapturedStep } from './capture-session';
import type { JudgeContext, Judged } from './step-judge';
import { StepJudge } from './step-judge';

/**
 * Judges somebody else's results. llama.cpp rounds keys and values to f16 when it caches them; an engine that keeps them
 * in f32 is as right. So a node behind a cache is bad only if it is under both.
 */
export class DumpJudge {
  private readonly narrow: StepJudge;
  /** Runs only where a node behind a cache is bad by the other. */
  private readonly wide: StepJudge;

  constructor(context: JudgeContext, candidateAt: (step: CapturedStep) => Candidate) {
    this.narrow = new StepJudge(context, candidateAt);
    this.wide = new StepJudge({ ...context, wideCaches: true }, candidateAt);
  }

  async at(index: number): Promise<Judged> {
    const examined = await this.narrow.at(index);
    if (!examined.judged.some((j) => j.judgement.bad && j.writes.length > 0)) return examined;
    const wide = new Map((await this.wide.at(index)).judged.map((j) => [j.node.key, j]));
    return {
      ...examined,
      judged: examined.judged.map((j) => {
        const other = wide.get(j.node.key);
        return j.judgement.bad && j.writes.length > 0 && other?.judgement.bad === false ? other : j;
      }),
    };
  }
}
