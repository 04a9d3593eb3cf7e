import type { JobCall, KeptJob, WindowSession } from '../../../shared/ipc/contract';
import { call, startIdsAfter } from '../api/quarrel';
import type { ViewName } from './app';
import { useAppStore } from './app';
import { reportFailure } from './job-state';
import { useLaneStore } from './lanes';
import { useModelStore } from './model';
import { useRunStore } from './run';
import { useWizardStore } from './wizard';

/** Goes on where an earlier page of this window stopped, and says what became of it. */
export async function resumeSession(): Promise<void> {
  const session = await call('session', {});
  startIdsAfter(session.lastId);
  session.kept.forEach(restoreResult);
  session.running.forEach(joinRunning);
  if (session.loss !== null) useAppStore().notify('error', session.loss);
}

function restoreResult(job: KeptJob): void {
  switch (job.name) {
    case 'inspect':
      useModelStore().restore(job.answer);
      return goTo('model');
    case 'runLanes':
      restoreInput(job);
      useRunStore().show(job.answer);
      return;
    case 'findFirstBad':
      restoreInput(job);
      useWizardStore().verdict = job.answer;
      return goTo('wizard');
  }
}

function joinRunning({ call: job, stages }: WindowSession['running'][number]): void {
  if (job.name === 'inspect') useModelStore().open(job.request.modelPath).catch(reportFailure);
  if (job.name !== 'runLanes' && job.name !== 'findFirstBad') return;
  restoreInput(job);
  if (job.name === 'findFirstBad') goTo('wizard');
  const store = job.name === 'runLanes' ? useRunStore() : useWizardStore();
  store.join(job.id, stages).catch(reportFailure);
}

function restoreInput(job: Extract<JobCall, { readonly name: 'runLanes' | 'findFirstBad' }>): void {
  useRunStore().restoreInput(job.request);
  const isSearch = job.name === 'findFirstBad';
  if (isSearch) useWizardStore().restoreInput(job.request);
  const lanes = useLaneStore();
  const known = new Set(lanes.choices.map((lane) => lane.spec));
  const ran = isSearch ? [job.request.reference, job.request.candidate] : job.request.lanes;
  for (const spec of ran) if (!known.has(spec)) lanes.add(spec);
}

function goTo(view: ViewName): void {
  useAppStore().view = view;
}
