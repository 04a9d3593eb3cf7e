import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { NodeDetail, RunSummary } from '../../../shared/compare/comparison';
import { startJob } from '../api/quarrel';
import type { PromptMode } from '../format/prompt';
import { parsePrompt } from '../format/prompt';
import { groupIndexOf, groupNodes } from '../timeline/layout';
import { useAppStore } from './app';
import { createJobState, reportFailure } from './job-state';
import { useLaneStore } from './lanes';
import { useModelStore } from './model';
import { worstLane } from './worst-lane';

const FIRST_PROMPT = { prompt: 'The capital of France is', tokens: '1, 17, 5, 99, 42, 7' } as const;

/** What to run, the last run, and which of its checkpoints is selected. */
export const useRunStore = defineStore('run', () => {
  const mode = ref<PromptMode>('prompt');
  const text = ref<Record<PromptMode, string>>({ ...FIRST_PROMPT });
  const summary = shallowRef<RunSummary>();
  const job = createJobState();
  const selectedKey = ref<string>();
  const selectedLane = ref(1);
  const detail = shallowRef<NodeDetail>();

  const prompt = computed(() => parsePrompt(mode.value, text.value[mode.value]));
  const groups = computed(() => groupNodes(summary.value?.nodes ?? []));
  const indexByKey = computed(() => new Map((summary.value?.nodes ?? []).map((node, i) => [node.key, i])));
  const selectedIndex = computed(() =>
    selectedKey.value === undefined ? undefined : indexByKey.value.get(selectedKey.value),
  );
  const selectedNode = computed(() =>
    selectedIndex.value === undefined ? undefined : summary.value?.nodes[selectedIndex.value],
  );
  const selectedGroup = computed(() =>
    selectedIndex.value === undefined ? 0 : Math.max(0, groupIndexOf(groups.value, selectedIndex.value)),
  );

  function modelChanged(hasVocabulary: boolean): void {
    job.cancel();
    closeRun();
    mode.value = hasVocabulary ? 'prompt' : 'tokens';
  }

  function closeRun(): void {
    const runId = summary.value?.runId;
    summary.value = undefined;
    detail.value = undefined;
    selectedKey.value = undefined;
    if (runId === undefined) return;
    // Its traces go with it. Nobody waits: that they could not be removed is worth a notice, not more.
    startJob('closeRun', { runId }).answer.catch(reportFailure);
  }

  /** Runs the lanes (those of the run bar unless given) and shows the timeline. */
  async function run(specs: readonly string[] = useLaneStore().enabled): Promise<boolean> {
    const app = useAppStore();
    const modelPath = useModelStore().path;
    if (modelPath === undefined) return false;
    if (!prompt.value.ok) {
      app.notify('error', prompt.value.error);
      return false;
    }
    const finished = await job.run('runLanes', { modelPath, prompt: prompt.value.value, lanes: [...specs] });
    if (!finished) return false;
    closeRun();
    summary.value = finished;
    selectedLane.value = Math.min(worstLane(finished) ?? 1, finished.lanes.length - 1);
    select(finished.nodes[0]?.key);
    app.view = 'timeline';
    return true;
  }

  function select(key: string | undefined, lane?: number): void {
    selectedKey.value = key;
    if (lane !== undefined) selectedLane.value = lane;
  }

  function openLayer(key: string): void {
    select(key);
    useAppStore().view = 'layer';
  }

  /** Loads the selected checkpoint in depth; a later selection wins over a slower earlier one. */
  async function loadDetail(): Promise<void> {
    const key = selectedKey.value;
    const runId = summary.value?.runId;
    if (key === undefined || runId === undefined || detail.value?.row.key === key) return;
    detail.value = undefined;
    try {
      const loaded = await startJob('nodeDetail', { runId, key }).answer;
      if (selectedKey.value === key && summary.value?.runId === runId) detail.value = loaded;
    } catch (e) {
      if (summary.value?.runId === runId) reportFailure(e);
    }
  }

  return {
    mode,
    text,
    summary,
    running: job.running,
    cancelling: job.cancelling,
    stages: job.stages,
    cancel: job.cancel,
    selectedKey,
    selectedLane,
    detail,
    prompt,
    groups,
    indexByKey,
    selectedIndex,
    selectedNode,
    selectedGroup,
    modelChanged,
    run,
    select,
    openLayer,
    loadDetail,
  };
});
