/** Somebody else's results at each step. */
import { defined } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { lastLogits } from '../../shared/divergence/assemble-verdict';
import type { Candidate, Examination } from '../../shared/divergence/examine';
import { hiddenScores, seenScores } from '../../shared/divergence/unseen-scores';
import type { AlignedTrace } from '../../shared/trace/alignment';
import type { ExpertOrders } from '../../shared/trace/expert-order';
import { expertOrders } from '../../shared/trace/expert-order';
import { isNumbered } from '../../shared/trace/numbered-names';
import { overlaid } from '../../shared/trace/overlay';
import type { TraceSource } from '../../shared/trace/trace';
import type { CapturedStep } from './capture-session';
import { DumpJudge } from './dump-judge';
import type { Examiner, ReferenceAt, StepOutcome } from './examine-lanes';
import { at, inheritedErrors, isClean, whole } from './examine-lanes';
import type { InferredNames } from './infer-names';
import type { JudgeContext, Judged } from './step-judge';
import { StepJudge } from './step-judge';
import type { StepLane } from './step-lanes';
import { tellRounding } from './tell-rounding';

/** They are replayed on their own values. */
export class DumpExaminer implements Examiner {
  private readonly steps: AlignedTrace[] = [];
  private readonly experts: ExpertOrders[] = [];
  private readonly judge: DumpJudge;
  /** Judges the dump without its numbered nodes, should their numbers be those of another graph. */
  private readonly named: DumpJudge;
  private numbersAreOthers = false;
  /** Judges the reference by the same rule, should the dump be blamed. */
  private readonly control: StepJudge;

  constructor(
    private readonly lane: StepLane,
    private readonly context: JudgeContext,
    private readonly reference: ReferenceAt,
  ) {
    const candidateOf = (step: CapturedStep, results: TraceSource): Candidate => {
      const aligned = at(this.steps, step);
      const hidden = hiddenScores(step.graph);
      const mask = (key: string): Uint8Array | undefined => {
        const [own, scores] = [aligned.mask(key), hidden.get(key)];
        return scores ? seenScores(scores, step.captured, own) : own;
      };
      return {
        seed: overlaid(results, at(this.experts, step).seeds),
        results,
        dtype: (key) => aligned.dtype(key),
        mask,
      };
    };
    this.judge = new DumpJudge(context, (step) => candidateOf(step, at(this.steps, step)));
    this.named = new DumpJudge(context, (step) => candidateOf(step, withoutNumbered(at(this.steps, step))));
    this.control = new StepJudge(context, (step) => ({ ...whole(reference(step)), seed: reference(step) }));
  }

  async next(step: CapturedStep): Promise<StepOutcome> {
    const { aligned: lane, inferred, isMapped, unplaced = [] } = await this.lane.next(step);
    const aligned = defined(lane, `alignment of step ${step.index}`);
    this.steps.push(aligned);
    const experts = expertOrders(aligned, step.graph, step.captured);
    this.experts.push(experts);
    if (aligned.entries.size === 0) {
      const keys = aligned.foreignKeys;
      if (keys.length === 0) throw new QuarrelError(`${aligned.label}: it holds no checkpoint that can be read`);
      const some = keys.slice(0, 3).join(', ');
      const [misfit] = aligned.misfits;
      if (misfit)
        throw new QuarrelError(`${aligned.label}: no checkpoint fits the graph: ${misfit.node}: ${misfit.reason}`);
      throw new QuarrelError(
        `${aligned.label}: none of its ${keys.length} checkpoints (${some} …) is a node of the graph; ` +
          'give --map FILE to translate names',
      );
    }
    // a dump with a graph of its own was matched by that
    const isNamed = isMapped === true || aligned.manifest?.graph !== undefined;
    const above = isNamed ? await this.judge.at(step.index) : await this.examined(step, aligned);
    const judge = this.numbersAreOthers ? this.named : this.judge;
    const examined = await tellRounding(above, this.context.control);
    const examination = isClean(examined) ? examined : withoutDistrusted(examined, await this.control.at(step.index));
    if (inferred?.tooFew !== undefined && isClean(examination)) throw new QuarrelError(inferred.tooFew);
    const comparable = judge.asInGraph(step, experts.inReferenceOrder);
    const withMisfits = { ...examination, notMeasured: [...aligned.misfits, ...examination.notMeasured] };
    return {
      examination: withMisfits,
      logits: lastLogits(step.graph, aligned),
      alignment: [
        ...inferenceNotes(inferred, examination),
        ...aligned.notes,
        ...experts.notes,
        ...judge.notesAt(step.index),
        ...(this.numbersAreOthers ? [OTHER_NUMBERS] : []),
      ],
      unplaced,
      inherited: inheritedErrors(step.graph, this.reference(step), comparable, (key) => aligned.mask(key)),
      told: { declared: aligned.declared.activations, stored: aligned.stored },
      timings: aligned.manifest?.timings,
    };
  }

  dispose(): Promise<void> {
    return this.lane.dispose();
  }

  /** Numbered names are believed unless most are bad from the first bad one on, as where that graph has another node. */
  private async examined(step: CapturedStep, aligned: AlignedTrace): Promise<Judged> {
    if (this.numbersAreOthers) return this.named.at(step.index);
    const examined = await this.judge.at(step.index);
    const numbered = examined.judged.filter(({ node }) => isNumbered(node.name)).map((n) => n.judgement.bad);
    const fromBad = numbered.slice(numbered.indexOf(true));
    const bad = fromBad.filter(Boolean).length + aligned.misfits.filter(({ node }) => isNumbered(node)).length;
    if (2 * bad <= fromBad.length || bad === 0) return examined;
    this.numbersAreOthers = true;
    return this.named.at(step.index);
  }
}

const OTHER_NUMBERS =
  'numbered names (node_48 …) are left out: most of them do not fit, as where another graph gave the numbers; give ' +
  '--map to place them';

function withoutNumbered(aligned: AlignedTrace): TraceSource {
  const entries = new Map([...aligned.entries].filter(([key]) => !isNumbered(key)));
  const { label, engine, tokens, manifest, declared } = aligned;
  return {
    ...{ label, engine, tokens, manifest, declared, entries },
    readF32: (key) => aligned.readF32(key),
    readRaw: (key) => aligned.readRaw(key),
  };
}

/** Where names were inferred, a node is never blamed without saying so. */
function inferenceNotes(inferred: InferredNames | undefined, { judged }: Examination): readonly string[] {
  if (!inferred) return [];
  const bad = judged.find((j) => j.judgement.bad);
  const ofBad = bad && inferred.noteOf(bad.node.key);
  return [inferred.note, ...(ofBad === undefined ? [] : [ofBad])];
}

/**
 * Before a dump is blamed, the reference lane is judged by the same rule on its own inputs. Where it fails too, our
 * correct ways are in doubt, not the dump: the node is not measured.
 */
function withoutDistrusted(examined: Judged, control: Examination): Judged {
  const distrusted = new Set(control.judged.filter((j) => j.judgement.bad).map((j) => j.node.key));
  const judged = examined.judged.filter((j) => !j.judgement.bad || !distrusted.has(j.node.key));
  const doubted = examined.judged.filter((j) => !judged.includes(j));
  return {
    ...examined,
    judged,
    notMeasured: [
      ...doubted.map(({ node }) => ({
        node: node.key,
        op: node.kind,
        reason: 'the reference lane fails the same test here',
      })),
      ...examined.notMeasured,
    ],
  };
}
