/** The first bad node of a run with what it takes to export it. */
import { defined } from '../../shared/base/assert';
import type { NodeId } from '../../shared/base/brand';
import { attemptsAt } from '../../shared/diagnosis/attempt';
import type { NodeDiagnosis } from '../../shared/diagnosis/diagnose';
import type { Prediction, Replay, ReplayRequest } from '../../shared/diagnosis/replay';
import type { Candidate } from '../../shared/divergence/examine';
import type { TraceSource } from '../../shared/trace/trace';
import type { RecordedWeights } from './repro-weights';

export interface FirstBad {
  /** 0: the prompt; k: decode step k. */
  readonly step: number;
  readonly request: Omit<ReplayRequest, 'engine' | 'control'> & {
    readonly captured: TraceSource;
    readonly candidate: Candidate;
  };
  readonly replay: Replay;
  readonly found: NodeDiagnosis;
  readonly weights: CauseWeights;
}

/** The weights that matter to the proved cause, by name. */
export interface CauseWeights {
  /** Read where it is replayed. */
  readonly reads: readonly string[];
  /** Looked at while its variants are listed: that they exist, and their shapes. */
  readonly looksAt: readonly string[];
}

export async function weightsOfCause(
  weights: RecordedWeights,
  replay: Replay,
  { proved }: NodeDiagnosis,
): Promise<CauseWeights> {
  if (!proved) return { reads: [], looksAt: [] };
  const { hypothesis, arithmetic } = proved.trial;
  const changes = new Map<NodeId, Prediction>(
    [...proved.at.variants].map(([node, variant]) => [node.id, (site) => variant.predict(site)]),
  );
  const reads = await weights.during(() => replay.predict(changes, arithmetic));
  const first = defined(replay.arithmetics[0], 'the first arithmetic');
  const listed = await weights.during(() => Promise.resolve(attemptsAt(hypothesis, replay, first)));
  return { reads, looksAt: listed.filter((name) => !reads.includes(name)) };
}
