import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { NodeDetail, RunSummary } from '../../../shared/compare/comparison';
import type { Progress } from '../../../shared/base/progress';
import type { RunLanesRequest } from '../../../shared/ipc/jobs';
import { startJob } from '../api/quarrel';
import type { PromptMode } from '../format/prompt';
import { parsePrompt, parseSteps } from '../format/prompt';
import { groupIndexOf, groupNodes } from '../timeline/layout';
import { useAppStore } from './app';
import { createJobState, reportFailure } from './job-state';
import { useLaneStore } from './lanes';
import { useModelStore } from './model';
import { keyInStep } from './run-steps';
import { worstLane } from './worst-lane';

const FIRST_PROMPT = { prompt: 'The capital of France is', tokens: '1, 17, 5, 99, 42, 7' } as const;

/** What a run evaluates: the prompt, then some decode steps. */
export type RunInput = Required<Pick<RunLanesRequest, 'prompt' | 'steps'>>;

/** A checkpoint of a step of a run. */
interface Place {
  readonly runId: string;
  readonly step: number;
  readonly key: string;
}

/** What to run, the last run, and which of its steps and checkpoints is selected. */
export const useRunStore = defineStore('run', () => {
  const mode = ref<PromptMode>('prompt');
  const text = ref<Record<PromptMode, string>>({ ...FIRST_PROMPT });
  const stepsText = ref('0');
  const summaries = shallowRef<readonly RunSummary[]>([]);
  const job = createJobState();
  const selectedStep = ref(0);
  const selectedKey = ref<string>();
  const selectedLane = ref(1);
  const detail = shallowRef<NodeDetail>();
  let detailPlace: Place | undefined;

  const prompt = computed(() => parsePrompt(mode.value, text.value[mode.value]));
  const steps = computed(() => parseSteps(stepsText.value));
  /** What is asked for, or one line on what is wrong with it. */
  const problem = computed(() => {
    if (!prompt.value.ok) return prompt.value.error;
    return steps.value.ok ? undefined : steps.value.error;
  });
  /** The selected step's. */
  const summary = computed<RunSummary | undefined>(() => summaries.value[selectedStep.value]);
  /** Index of the lane with the largest error of all steps. */
  const worst = computed(() => {
    const [first] = summaries.value;
    return first && worstLane({ lanes: first.lanes, nodes: summaries.value.flatMap((s) => s.nodes) });
  });
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
    const runId = summaries.value[0]?.runId;
    summaries.value = [];
    selectedStep.value = 0;
    detail.value = undefined;
    detailPlace = undefined;
    selectedKey.value = undefined;
    if (runId === undefined) return;
    // Its traces go with it. Nobody waits: that they could not be removed is worth a notice, not more.
    startJob('closeRun', { runId }).answer.catch(reportFailure);
  }

  /** What the run bar asks for; undefined, with a notice, where it cannot be run. */
  function asked(): RunInput | undefined {
    if (prompt.value.ok && steps.value.ok) return { prompt: prompt.value.value, steps: steps.value.value };
    if (problem.value !== undefined) useAppStore().notify('error', problem.value);
    return undefined;
  }

  /** Runs the lanes (those of the run bar unless given) and shows the timeline. */
  async function run(lanes: readonly string[] = useLaneStore().enabled, input = asked()): Promise<boolean> {
    const modelPath = useModelStore().path;
    if (modelPath === undefined || !input) return false;
    return show(await job.run('runLanes', { modelPath, ...input, lanes: [...lanes] }));
  }

  function show(finished: readonly RunSummary[] | undefined): boolean {
    const prefill = finished?.[0];
    if (!finished || !prefill) return false;
    closeRun();
    summaries.value = finished;
    selectedLane.value = Math.min(worst.value ?? 1, prefill.lanes.length - 1);
    select(prefill.nodes[0]?.key);
    useAppStore().view = 'timeline';
    return true;
  }

  /** What an earlier page of the window was told to run, in the run bar again. */
  function restoreInput({ prompt: given, steps: asked = 0 }: Pick<RunLanesRequest, 'prompt' | 'steps'>): void {
    mode.value = given.kind;
    text.value = { ...text.value, [given.kind]: given.kind === 'prompt' ? given.text : given.tokens.join(', ') };
    stepsText.value = String(asked);
  }

  async function join(id: number, stages: readonly Progress[]): Promise<void> {
    show(await job.join<'runLanes'>(id, stages));
  }

  function select(key: string | undefined, lane?: number): void {
    selectedKey.value = key;
    if (lane !== undefined) selectedLane.value = lane;
  }

  /** Shows another step; the selected node stays selected where that step has it. */
  function selectStep(step: number): void {
    const next = summaries.value[step];
    if (!next) return;
    selectedKey.value = keyInStep(summary.value, next, selectedKey.value);
    selectedStep.value = step;
  }

  function openLayer(key: string): void {
    select(key);
    useAppStore().view = 'layer';
  }

  /** The selected checkpoint. */
  function place(): Place | undefined {
    const key = selectedKey.value;
    return key !== undefined && summary.value
      ? { runId: summary.value.runId, step: summary.value.step, key }
      : undefined;
  }

  /** Loads the selected checkpoint in depth; a later selection wins over a slower earlier one. */
  async function loadDetail(): Promise<void> {
    const wanted = place();
    if (!wanted || (detail.value && isSame(detailPlace, wanted))) return;
    detail.value = undefined;
    try {
      const loaded = await startJob('nodeDetail', { ...wanted }).answer;
      if (!isSame(place(), wanted)) return;
      detailPlace = wanted;
      detail.value = loaded;
    } catch (e) {
      if (summary.value?.runId === wanted.runId) reportFailure(e);
    }
  }

  return {
    mode,
    text,
    stepsText,
    summaries,
    summary,
    worst,
    running: job.running,
    cancelling: job.cancelling,
    stages: job.stages,
    cancel: job.cancel,
    selectedStep,
    selectedKey,
    selectedLane,
    detail,
    prompt,
    steps,
    problem,
    groups,
    indexByKey,
    selectedIndex,
    selectedNode,
    selectedGroup,
    modelChanged,
    asked,
    run,
    show,
    join,
    restoreInput,
    select,
    selectStep,
    openLayer,
    loadDetail,
  };
});

function isSame(a: Place | undefined, b: Place): boolean {
  return a?.runId === b.runId && a.step === b.step && a.key === b.key;
}
