import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { NodeDetail, RunSummary } from '../../../shared/compare/comparison';
import { startJob } from '../api/quarrel';
import type { PromptMode } from '../format/prompt';
import { parsePrompt } from '../format/prompt';
import { groupIndexOf, groupNodes } from '../timeline/layout';
import { useAppStore } from './app';
import { createJobState, reportFailure } from './job-state';
import { useModelStore } from './model';
import { worstLane } from './worst-lane';

/** A lane on offer in the run bar; the first one, llama, is the reference and always runs. */
export interface LaneChoice {
  readonly spec: string;
  readonly enabled: boolean;
  /** Part of Quarrel, as opposed to a folder or trace the user added. */
  readonly builtIn: boolean;
  /** Picks the lane's colour and line pattern; the same in every view for as long as the lane is on offer. */
  readonly slot: number;
}

export const REFERENCE_LANE = 'llama';
const BUILT_IN: readonly LaneChoice[] = [
  { spec: REFERENCE_LANE, enabled: true, builtIn: true, slot: 0 },
  { spec: 'reference', enabled: true, builtIn: true, slot: 1 },
  { spec: 'webgpu', enabled: true, builtIn: true, slot: 2 },
];
const FIRST_PROMPT = { prompt: 'The capital of France is', tokens: '1, 17, 5, 99, 42, 7' } as const;

/** What to run, the last run, and which of its checkpoints is selected. */
export const useRunStore = defineStore('run', () => {
  const mode = ref<PromptMode>('prompt');
  const text = ref<Record<PromptMode, string>>({ ...FIRST_PROMPT });
  const lanes = ref<readonly LaneChoice[]>(BUILT_IN);
  const summary = shallowRef<RunSummary>();
  const job = createJobState();
  const selectedKey = ref<string>();
  const selectedLane = ref(1);
  const detail = shallowRef<NodeDetail>();
  /** Lanes that were removed keep their slot while a run shows them. */
  const slots = new Map(BUILT_IN.map((l) => [l.spec, l.slot]));

  const prompt = computed(() => parsePrompt(mode.value, text.value[mode.value]));
  const enabledLanes = computed(() => lanes.value.filter((l) => l.enabled).map((l) => l.spec));
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
    void closeRun();
    mode.value = hasVocabulary ? 'prompt' : 'tokens';
  }

  async function closeRun(): Promise<void> {
    const runId = summary.value?.runId;
    summary.value = undefined;
    detail.value = undefined;
    selectedKey.value = undefined;
    if (runId === undefined) return;
    // Its traces go with it; that they could not be removed is worth a notice, not more.
    await startJob('closeRun', { runId }).answer.catch(reportFailure);
  }

  /** Runs the lanes (those of the run bar unless given) and shows the timeline. */
  async function run(specs: readonly string[] = enabledLanes.value): Promise<boolean> {
    const app = useAppStore();
    const modelPath = useModelStore().path;
    if (modelPath === undefined) return false;
    if (!prompt.value.ok) {
      app.notify('error', prompt.value.error);
      return false;
    }
    const finished = await job.run('runLanes', { modelPath, prompt: prompt.value.value, lanes: [...specs] });
    if (!finished) return false;
    await closeRun();
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
      reportFailure(e);
    }
  }

  function toggleLane(spec: string): void {
    if (spec === REFERENCE_LANE) return;
    lanes.value = lanes.value.map((l) => (l.spec === spec ? { ...l, enabled: !l.enabled } : l));
  }

  function addLane(spec: string): void {
    const slot = slots.get(spec) ?? slots.size;
    slots.set(spec, slot);
    const known = lanes.value.some((l) => l.spec === spec);
    lanes.value = known
      ? lanes.value.map((l) => (l.spec === spec ? { ...l, enabled: true } : l))
      : [...lanes.value, { spec, enabled: true, builtIn: false, slot }];
  }

  function slotOf(spec: string): number {
    return slots.get(spec) ?? 0;
  }

  function removeLane(spec: string): void {
    lanes.value = lanes.value.filter((l) => l.builtIn || l.spec !== spec);
  }

  return {
    mode,
    text,
    lanes,
    summary,
    running: job.running,
    cancelling: job.cancelling,
    stages: job.stages,
    cancel: job.cancel,
    selectedKey,
    selectedLane,
    detail,
    prompt,
    enabledLanes,
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
    toggleLane,
    addLane,
    slotOf,
    removeLane,
  };
});
