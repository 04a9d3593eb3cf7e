import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { InspectReport } from '../../../shared/gguf/inspect-report';
import { call } from '../api/quarrel';
import { baseName } from '../format/paths';
import type { ViewName } from './app';
import { useAppStore } from './app';
import { useBlockStore } from './blocks';
import { createJobState, reportFailure } from './job-state';
import { useRunStore } from './run';
import { useWizardStore } from './wizard';

/** The open model file. */
export const useModelStore = defineStore('model', () => {
  const report = shallowRef<InspectReport>();
  const job = createJobState();
  const path = computed(() => report.value?.path);
  const fileName = computed(() => (report.value ? baseName(report.value.path) : ''));
  /** A model without a vocabulary takes token ids only. */
  const hasVocabulary = computed(() => {
    const kind = report.value?.metadata.find((m) => m.key === 'tokenizer.ggml.model')?.value;
    return kind !== undefined && kind !== 'none' && kind !== 'no_vocab';
  });

  /** Opens a model and shows a view of it; on failure says why and keeps what was open. */
  async function open(modelPath: string, view: ViewName = 'model'): Promise<void> {
    const app = useAppStore();
    const opened = await job.run('inspect', { modelPath });
    if (!opened) return;
    report.value = opened;
    useRunStore().modelChanged(hasVocabulary.value);
    useWizardStore().reset();
    useBlockStore().reset();
    app.view = view;
    try {
      app.recent = await call('rememberFile', { path: modelPath });
    } catch (e) {
      reportFailure(e);
    }
  }

  /** Shows a model that an earlier page of the window had opened. */
  function restore(opened: InspectReport): void {
    report.value = opened;
    useRunStore().modelChanged(hasVocabulary.value);
  }

  async function openByDialog(): Promise<void> {
    const chosen = await call('pickPath', { kind: 'model' });
    if (chosen !== null) await open(chosen);
  }

  return { report, path, fileName, hasVocabulary, opening: job.running, open, restore, openByDialog };
});
