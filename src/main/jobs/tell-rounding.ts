import { staged } from '../../shared/base/control';
import type { JobControl } from '../../shared/base/progress';
import { Replay } from '../../shared/diagnosis/replay';
import { declaredCaches } from '../../shared/diagnosis/rounding/declared-caches';
import type { RoundingFinding } from '../../shared/diagnosis/rounding/find-rounding';
import { findRounding } from '../../shared/diagnosis/rounding/find-rounding';
import type { JudgedNode } from '../../shared/divergence/examine';
import type { Judgement } from '../../shared/divergence/judge';
import { withEngine } from '../lanes/reference-run';
import type { Judged } from './step-judge';

/** Looks again at every node above its noise floor: whether it only rounds. */
export async function tellRounding(examined: Judged, control: JobControl): Promise<Judged> {
  const above = examined.judged.filter(({ judgement }) => judgement.bad && !judgement.nonFinite);
  if (above.length === 0) return examined;
  const { evidence } = examined;
  const caches = declaredCaches(evidence.candidate.results.manifest?.graph);
  const told = new Map<JudgedNode, Judgement>();
  await withEngine(evidence.weights, control, undefined, async (engine) => {
    for (const judged of above) {
      control.throwIfCancelled();
      const stage = staged(control, `rounding or mistake: ${judged.node.key} (${told.size + 1} of ${above.length})`);
      const replay = await Replay.open({ ...evidence, judged, arithmetics: ['exact'], engine, control: stage });
      const found = await findRounding({ replay, judged, all: examined.judged, caches });
      told.set(judged, asFound(judged.judgement, found));
    }
  });
  return {
    ...examined,
    judged: examined.judged.map((j) => {
      const judgement = told.get(j);
      return judgement ? { ...j, judgement } : j;
    }),
  };
}

function asFound(judgement: Judgement, found: RoundingFinding): Judgement {
  switch (found.kind) {
    case 'right':
      return { ...judgement, bad: false, noiseFloor: found.noiseFloor, why: 'within what f32 sums lose here' };
    case 'rounded':
      return { ...judgement, bad: false, rounding: found.rounding, why: found.rounding.text };
    case 'wrong':
      return { ...judgement, why: `${judgement.why}; no rounding: ${found.why}` };
  }
}
