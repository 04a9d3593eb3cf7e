/** Runs the candidate in other ways that ought to give the same (`bisect --observe`). */
import { QuarrelError } from '../../../shared/base/errors';
import type { Observation } from '../../../shared/divergence/checks';
import type { GraphLane } from '../../../shared/divergence/lane';
import type { LaneSpec } from '../../../shared/divergence/lane-spec';
import { parseLane } from '../../../shared/divergence/lane-spec';
import type { FindFirstBadRequest } from '../../../shared/ipc/jobs';
import type { JobControl } from '../../../shared/base/progress';
import type { WeightAccess } from '../../files/weight-view';
import type { CaptureSession } from '../capture-session';
import type { ForeignLane } from '../foreign-lane';
import type { SelectNodes } from '../node-selection';
import type { Owned } from '../owned';
import { owning } from '../owned';
import type { RunFolder } from '../run-folder';
import { observeFusion } from './fusion';
import { observeRunToRun } from './run-to-run';
import { observeBatch, observeCachedDecode } from './sequences';

export interface ObserveContext {
  readonly session: CaptureSession;
  readonly folder: RunFolder;
  readonly control: JobControl;
  readonly request: FindFirstBadRequest & {
    readonly threads?: number;
    readonly access?: WeightAccess;
  };
  /** The part of the graphs that runs; all when absent. */
  readonly select?: SelectNodes | undefined;
  /** The foreign program, where it is the candidate. */
  readonly program?: ForeignLane;
  /** The candidate's lane, where it runs graphs itself; its owner lives longer. */
  readonly lane?: GraphLane;
}

/** One observer's work: the candidate's lane, and what ends with the observation. */
export interface Observing extends ObserveContext {
  readonly spec: LaneSpec;
  readonly owned: Owned;
}

/** What an observer found, without its name. */
export type Finding = Pick<Observation, 'state' | 'text' | 'node'>;

type Id = Observation['id'];

export const OBSERVERS: Readonly<
  Record<Id, { readonly title: string; readonly run: (o: Observing) => Promise<Finding> }>
> = {
  'run-to-run': { title: 'Run again', run: observeRunToRun },
  fusion: { title: 'Fused and unfused', run: observeFusion },
  batch: { title: 'All tokens at once and one by one', run: observeBatch },
  'cached-decode': { title: 'Full forward and cached decode', run: observeCachedDecode },
};

export const OBSERVER_IDS = Object.keys(OBSERVERS) as readonly Id[];

/** In the order of the table. Throws CancelledError. */
export async function observe(context: ObserveContext): Promise<readonly Observation[]> {
  const { observe: wanted = [], candidate } = context.request;
  const spec = parseLane(candidate);
  const found: Observation[] = [];
  for (const id of OBSERVER_IDS.filter((o) => wanted.includes(o))) {
    context.control.throwIfCancelled();
    const { title, run } = OBSERVERS[id];
    const finding = await owning((owned) => observed(run, { ...context, spec, owned }));
    found.push({ id, title, ...finding });
  }
  return found;
}

async function observed(run: (o: Observing) => Promise<Finding>, o: Observing): Promise<Finding> {
  if (o.spec.kind === 'trace') return notMeasured('a finished dump cannot be run again');
  if (o.select) return notMeasured('only a part of the graph is run');
  try {
    return await run(o);
  } catch (e) {
    // A model that keeps no state, a device without memory: that observation's own end.
    if (e instanceof QuarrelError) return notMeasured(e.message);
    throw e;
  }
}

export function notMeasured(text: string): Finding {
  return { state: 'not-measured', text, node: null };
}
