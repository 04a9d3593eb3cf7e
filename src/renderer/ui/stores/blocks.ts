import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { BlockInspection } from '../../../shared/compare/block-lanes';
import type { InspectBlockRequest, WeightsPart } from '../../../shared/ipc/jobs';
import { blockAt } from '../../../shared/quant/block-report';
import { call, startJob } from '../api/quarrel';
import { differingElements } from '../inspector/block-content';
import { useAppStore } from './app';
import { createJobState, reportFailure } from './job-state';
import { useLaneStore } from './lanes';
import { useModelStore } from './model';

const OVERLAY_PREFIX = 'webgpu@';

/** The block inspector: which block of which tensor, what every lane made of it, which element is looked at. */
export const useBlockStore = defineStore('blocks', () => {
  const inspection = shallowRef<BlockInspection>();
  const element = ref(0);
  const loading = ref(false);
  const chosenKernel = ref<string>();
  const savedTo = ref<string>();
  const saving = createJobState();
  const lanes = useLaneStore();
  /** The request to answer next; a later one replaces one that has not begun. */
  let wanted: InspectBlockRequest | undefined;

  /** WGSL kernels on offer: the project's, and folders that the user added. */
  const kernels = computed(() => lanes.choices.map((l) => l.spec).filter((spec) => /^webgpu(@|$)/.test(spec)));
  const kernel = computed(() => {
    if (chosenKernel.value !== undefined && kernels.value.includes(chosenKernel.value)) return chosenKernel.value;
    return kernels.value.at(-1) ?? 'webgpu';
  });

  async function open(tensor: string, index: number): Promise<void> {
    const modelPath = useModelStore().path;
    if (modelPath === undefined) return;
    const spec = kernel.value;
    const overlay = spec.startsWith(OVERLAY_PREFIX) ? { overlay: spec.slice(OVERLAY_PREFIX.length) } : {};
    wanted = { modelPath, tensor, index, ...overlay };
    if (!loading.value) await answerWanted();
  }

  async function answerWanted(): Promise<void> {
    loading.value = true;
    try {
      while (wanted) {
        const request = wanted;
        wanted = undefined;
        const answer = await startJob('inspectBlock', request).answer.catch(reportFailure);
        // The model may have been closed, or another block been asked for, meanwhile.
        if (answer && !isReplaced() && useModelStore().path === request.modelPath) accept(answer);
      }
    } finally {
      loading.value = false;
    }
  }

  const isReplaced = (): boolean => wanted !== undefined;

  function accept(answer: BlockInspection): void {
    const different = differingElements(answer);
    if (different.size > 0 && !different.has(element.value)) element.value = Math.min(...different);
    element.value = Math.min(element.value, Math.max(0, answer.elements - 1));
    if (answer.tensor !== inspection.value?.tensor) savedTo.value = undefined;
    inspection.value = answer;
  }

  /** Shows a block of a tensor in the inspector; with the kernel of a lane where one is given. */
  async function show(tensor: string, index: number, lane?: string): Promise<void> {
    if (lane !== undefined && kernels.value.includes(lane)) chosenKernel.value = lane;
    element.value = 0;
    useAppStore().view = 'blocks';
    await open(tensor, index);
  }

  /** The block that is shown, or the one that will be. */
  function current(): { readonly tensor: string; readonly index: number } | undefined {
    return wanted ?? inspection.value;
  }

  async function step(by: number): Promise<void> {
    const at = current();
    const last = (inspection.value?.blocks ?? 1) - 1;
    if (at) await open(at.tensor, Math.min(last, Math.max(0, at.index + by)));
  }

  /** Shows the element at a row and column. */
  async function goTo(row: number, column: number): Promise<void> {
    const shown = inspection.value;
    if (!shown) return;
    const [a = 1, b = 1, c = 1, d = 1] = shown.ne;
    try {
      const index = blockAt({ name: shown.tensor, type: shown.type, ne: [a, b, c, d] }, row, column);
      element.value = column % shown.elements;
      await open(shown.tensor, index);
    } catch (e) {
      reportFailure(e);
    }
  }

  /** The same block again: with another kernel, or because its files changed. */
  async function reload(): Promise<void> {
    const at = current();
    if (at) await open(at.tensor, at.index);
  }

  async function save(part: WeightsPart): Promise<void> {
    const shown = inspection.value;
    const modelPath = useModelStore().path;
    if (!shown || modelPath === undefined) return;
    const suffix = { block: `.block-${shown.index}`, row: `.row-${shown.row}`, tensor: '' }[part];
    try {
      const path = await call('pickSavePath', { part, name: shown.tensor + suffix });
      if (path === null) return;
      const { tensor, index } = shown;
      const saved = await saving.run('saveWeights', { modelPath, tensor, index, part, path });
      if (saved) savedTo.value = saved.path;
    } catch (e) {
      reportFailure(e);
    }
  }

  /** Forgets the model's blocks. */
  function reset(): void {
    wanted = undefined;
    saving.cancel();
    inspection.value = undefined;
    savedTo.value = undefined;
    element.value = 0;
  }

  return {
    inspection,
    element,
    loading,
    kernels,
    kernel,
    chosenKernel,
    savedTo,
    running: saving.running,
    cancelling: saving.cancelling,
    stages: saving.stages,
    cancel: saving.cancel,
    open,
    show,
    step,
    goTo,
    reload,
    save,
    reset,
  };
});
