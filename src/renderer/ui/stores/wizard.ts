import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { Observation } from '../../../shared/divergence/checks';
import type { Verdict } from '../../../shared/divergence/verdict';
import type { Progress } from '../../../shared/base/progress';
import type { FindFirstBadRequest, VerdictExport } from '../../../shared/ipc/jobs';
import { call } from '../api/quarrel';
import { useAppStore } from './app';
import { createJobState, reportFailure } from './job-state';
import { useModelStore } from './model';
import { REFERENCE_LANE, useLaneStore } from './lanes';
import { useRunStore } from './run';
import { holdsStep } from './run-steps';

type Asked = Pick<FindFirstBadRequest, 'candidate' | 'expect' | 'minLogit' | 'observe' | 'strict'>;

const ALL_WAYS: readonly Observation['id'][] = ['run-to-run', 'fusion', 'batch', 'cached-decode'];

/** "Find first bad layer": which candidate, how far the search is, the verdict. */
export const useWizardStore = defineStore('wizard', () => {
  const chosen = ref<string>();
  const expect = ref('');
  const minLogit = ref('');
  /** Whether the candidate is run in other ways, too, that ought to give the same. */
  const observe = ref(false);
  /** Whether rounding to a lower precision counts as a difference. */
  const strict = ref(false);
  const verdict = shallowRef<Verdict>();
  const exportedTo = ref<string>();
  const exporting = ref(false);
  const job = createJobState();
  const run = useRunStore();
  const lanes = useLaneStore();

  const candidates = computed(() => lanes.choices.filter((l) => l.spec !== REFERENCE_LANE).map((l) => l.spec));
  /** The user's choice, else the worst lane of the run, else the last one the user added, else webgpu. */
  const candidate = computed(() => {
    if (chosen.value !== undefined && candidates.value.includes(chosen.value)) return chosen.value;
    const label = run.worst === undefined ? undefined : run.summary?.lanes[run.worst]?.label;
    if (label !== undefined && candidates.value.includes(label)) return label;
    return lanes.choices.findLast((l) => !l.builtIn && l.enabled)?.spec ?? 'webgpu';
  });

  /** Forgets the verdict, and stops the search for one. */
  function reset(): void {
    job.cancel();
    verdict.value = undefined;
    exportedTo.value = undefined;
  }

  async function start(): Promise<void> {
    const app = useAppStore();
    const modelPath = useModelStore().path;
    if (modelPath === undefined || job.running.value) return;
    app.view = 'wizard';
    const input = run.asked();
    if (!input) return;
    const least = minLogit.value.trim() === '' ? undefined : Number(minLogit.value);
    if (least !== undefined && !Number.isFinite(least)) {
      app.notify('error', `"${minLogit.value}" is no number: the least logit is expected.`);
      return;
    }
    reset();
    verdict.value = await job.run('findFirstBad', {
      modelPath,
      ...input,
      reference: REFERENCE_LANE,
      candidate: candidate.value,
      ...(expect.value === '' ? {} : { expect: expect.value }),
      ...(least === undefined ? {} : { minLogit: least }),
      ...(observe.value ? { observe: ALL_WAYS } : {}),
      ...(strict.value ? { strict: true } : {}),
    });
  }

  /** What an earlier page of the window searched, or still searches. */
  function restoreInput({ candidate: asked, expect: text, minLogit: least, observe: ways, strict: all }: Asked): void {
    chosen.value = asked;
    expect.value = text ?? '';
    minLogit.value = least === undefined ? '' : String(least);
    observe.value = ways !== undefined;
    strict.value = all === true;
  }

  async function join(id: number, stages: readonly Progress[]): Promise<void> {
    verdict.value = await job.join<'findFirstBad'>(id, stages);
  }

  /** Shows a node of a step of the verdict in the layer view, after running its lanes where no run has them. */
  async function showNode(key: string, step: number): Promise<void> {
    const shown = verdict.value;
    if (!shown) return;
    if (!holdsStep(run.summaries, shown, step) && !(await runAgain(shown))) return;
    run.selectStep(step);
    const lane = run.summary?.lanes.findIndex((l) => l.label === shown.candidate) ?? -1;
    run.select(key, lane < 0 ? undefined : lane);
    run.openLayer(key);
  }

  /** Runs what was judged, whatever the run bar says by now. */
  function runAgain({ tokens, steps, candidate: judged }: Verdict): Promise<boolean> {
    const input = { prompt: { kind: 'tokens', tokens: [...tokens] }, steps: steps.length - 1 } as const;
    return run.run([REFERENCE_LANE, judged], input);
  }

  /** Main asks where to, and has kept what the search found. */
  async function exportVerdict(kind: VerdictExport): Promise<void> {
    const exported = verdict.value;
    if (!exported || exporting.value) return;
    exporting.value = true;
    try {
      const path = await call('exportVerdict', { kind });
      if (path !== null && verdict.value === exported) exportedTo.value = path;
    } catch (e) {
      reportFailure(e);
    } finally {
      exporting.value = false;
    }
  }

  return {
    chosen,
    candidate,
    candidates,
    expect,
    minLogit,
    observe,
    strict,
    verdict,
    exportedTo,
    exporting,
    running: job.running,
    cancelling: job.cancelling,
    stages: job.stages,
    cancel: job.cancel,
    reset,
    start,
    join,
    restoreInput,
    showNode,
    exportVerdict,
  };
});
