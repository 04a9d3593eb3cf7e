import { defineStore } from 'pinia';
import { computed, ref, shallowRef, watch } from 'vue';
import type { GalleryBug } from '../../../shared/gallery/gallery';
import { call } from '../api/quarrel';
import type { ViewName } from './app';
import { useAppStore } from './app';
import { useLaneStore } from './lanes';
import { useModelStore } from './model';
import { useRunStore } from './run';
import { useWizardStore } from './wizard';

/** The embedded model was trained to go on with " Paris". */
const PROMPT = 'The capital of France is';
/** Our kernels as they are. */
const RIGHT_LANE = 'webgpu';

/** The embedded model and the bugs planted for it. */
export const useSpecimenStore = defineStore('specimen', () => {
  const gallery = shallowRef<readonly GalleryBug[]>([]);
  /** The planted bug whose lane is on offer. */
  const planted = ref<string>();
  const app = useAppStore();
  const lanes = useLaneStore();
  const model = useModelStore();
  const run = useRunStore();
  const wizard = useWizardStore();

  const busy = computed(() => model.opening || run.running || wizard.running);

  async function load(): Promise<void> {
    gallery.value = await call('gallery', {});
  }

  /** Takes the lane of a planted bug out of the run bar, and puts in that of another, if given. */
  function plant(lane: string | undefined): void {
    if (planted.value !== undefined) lanes.remove(planted.value);
    planted.value = lane;
    if (lane !== undefined) lanes.add(lane);
  }

  /**
   * Opens the embedded model with its prompt and a planted bug's kernels beside the right ones (undefined: none), and
   * shows a view of it; false, with a notice, where it cannot be opened.
   */
  async function prepare(bug: GalleryBug | undefined, view: ViewName): Promise<boolean> {
    if (app.specimen === null) return false;
    if (model.path !== app.specimen) await model.open(app.specimen, view);
    if (model.path !== app.specimen) return false;
    run.mode = 'prompt';
    run.text = { ...run.text, prompt: PROMPT };
    run.stepsText = String(bug?.steps ?? 0);
    plant(bug?.lane);
    wizard.chosen = bug?.lane ?? RIGHT_LANE;
    // What was expected of another model is not expected of this one.
    wizard.expect = '';
    wizard.minLogit = '';
    app.view = view;
    return true;
  }

  /** From a card of the gallery to the verdict. */
  async function judge(bug: GalleryBug | undefined): Promise<void> {
    if (!busy.value && (await prepare(bug, 'wizard'))) await wizard.start();
  }

  // The planted kernels are for the embedded model: another model is opened without them.
  watch(
    () => model.path,
    (path) => {
      if (path !== app.specimen) plant(undefined);
    },
  );

  return { gallery, busy, load, prepare, judge };
});
