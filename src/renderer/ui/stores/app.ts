import { defineStore } from 'pinia';
import { ref } from 'vue';
import type { RecentFile, Theme } from '../../../shared/ipc/contract';
import { call } from '../api/quarrel';

export type ViewName = 'welcome' | 'model' | 'timeline' | 'layer' | 'wizard' | 'blocks';

export interface Notice {
  readonly id: number;
  readonly kind: 'error' | 'info';
  readonly message: string;
  readonly detail: string | undefined;
}

/** The window itself: which view, which theme, what must be said. */
export const useAppStore = defineStore('app', () => {
  const version = ref('');
  const theme = ref<Theme>('system');
  const recent = ref<readonly RecentFile[]>([]);
  const specimen = ref<string | null>(null);
  const tourSeen = ref(true);
  const cautions = ref<readonly string[]>([]);
  const view = ref<ViewName>('welcome');
  const notices = ref<readonly Notice[]>([]);
  let nextNotice = 1;

  /** Loads the first state; returns the model to open at once, if any. */
  async function load(): Promise<string | null> {
    const state = await call('appState', {});
    version.value = state.version;
    theme.value = state.theme;
    recent.value = state.recent;
    specimen.value = state.specimen;
    tourSeen.value = state.tourSeen;
    cautions.value = state.cautions;
    return state.launchFile;
  }

  async function setTheme(next: Theme): Promise<void> {
    theme.value = next;
    await call('setTheme', { theme: next });
  }

  /** Walked through or skipped: the tour is offered no more, but can be started again. */
  async function rememberTour(): Promise<void> {
    if (tourSeen.value) return;
    tourSeen.value = true;
    await call('rememberTour', {});
  }

  function notify(kind: Notice['kind'], message: string, detail?: string): void {
    // The same failure twice is one notice, not two.
    const others = notices.value.filter((n) => n.message !== message);
    notices.value = [...others, { id: nextNotice++, kind, message, detail }];
  }

  function dismiss(id: number): void {
    notices.value = notices.value.filter((n) => n.id !== id);
  }

  return {
    version,
    theme,
    recent,
    specimen,
    tourSeen,
    cautions,
    view,
    notices,
    load,
    setTheme,
    rememberTour,
    notify,
    dismiss,
  };
});
