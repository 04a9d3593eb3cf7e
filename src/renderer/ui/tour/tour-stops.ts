import type { GalleryBug } from '../../../shared/gallery/gallery';
import { useAppStore } from '../stores/app';
import { useBlockStore } from '../stores/blocks';
import { REFERENCE_LANE } from '../stores/lanes';
import { useRunStore } from '../stores/run';
import { useSpecimenStore } from '../stores/specimen';
import { useWizardStore } from '../stores/wizard';

/** One stop of the tour, at an element with the attribute `data-tour="ANCHOR"`. */
export interface TourStop {
  readonly anchor: string;
  readonly title: string;
  readonly text: string;
  readonly side: 'top' | 'bottom' | 'left';
  readonly align?: 'start' | 'end';
  /** What the button that goes on says, where it does more than that. */
  readonly next?: string;
  /** What it says meanwhile. */
  readonly working?: string;
  /** Shows the view with the anchor, after the work that it takes; false, with a notice, where that failed. */
  prepare(): Promise<boolean>;
}

/** From the model to the exported verdict, with a bug planted in its kernels. */
export function tourStops(bug: GalleryBug): readonly TourStop[] {
  const app = useAppStore();
  const blocks = useBlockStore();
  const run = useRunStore();
  const wizard = useWizardStore();
  const lanes = [REFERENCE_LANE, 'reference', 'webgpu', bug.lane];
  let runId: string | undefined;
  let judged = false;

  async function runLanes(): Promise<boolean> {
    if (runId === undefined || run.summary?.runId !== runId) {
      if (!(await run.run(lanes))) return false;
      runId = run.summary?.runId;
    }
    app.view = 'timeline';
    return true;
  }

  function showLayer(): Promise<boolean> {
    run.select(bug.expected.node, lanes.indexOf(bug.lane));
    run.openLayer(bug.expected.node);
    return Promise.resolve(true);
  }

  async function showBlock(): Promise<boolean> {
    const weight = run.selectedNode?.weight;
    if (weight) await blocks.show(weight, 0, bug.lane);
    return blocks.inspection !== undefined;
  }

  async function findFirstBad(): Promise<boolean> {
    if (!judged) await wizard.start();
    judged = wizard.verdict !== undefined;
    app.view = 'wizard';
    return judged;
  }

  const show = (view: typeof app.view) => (): Promise<boolean> => {
    app.view = view;
    return Promise.resolve(true);
  };

  return [
    {
      anchor: 'model',
      title: 'The model, tensor by tensor',
      text: 'This is the embedded model, read from its GGUF file: types, shapes and offsets, checked on opening. A click on a tensor shows its blocks.',
      side: 'left',
      prepare: () => useSpecimenStore().prepare(bug, 'model'),
    },
    {
      anchor: 'run',
      title: 'The same tokens on several lanes',
      text: 'llama.cpp is the reference. Beside it run an exact CPU lane, WebGPU kernels, and those kernels with a bug planted in them. Your engine joins by “Add lane”.',
      side: 'bottom',
      next: 'Run them',
      working: 'Running…',
      prepare: show('model'),
    },
    {
      anchor: 'timeline',
      title: 'Layer by layer',
      text: 'A row is a lane, a column is a node of the graph; the colour is its error against llama.cpp. The last row is off from its first layer on, and every layer inherits that.',
      side: 'bottom',
      prepare: runLanes,
    },
    {
      anchor: 'answer',
      title: 'What becomes of the answer',
      text: 'Three lanes answer “Paris”. The lane with the bug does not, and its answer alone does not tell where it began.',
      side: 'top',
      prepare: show('timeline'),
    },
    {
      anchor: 'checkpoint',
      title: 'One checkpoint in depth',
      text: 'The layer view compares every checkpoint of a layer: errors, statistics, the spread of its values, the elements that are off most.',
      side: 'top',
      prepare: showLayer,
    },
    {
      anchor: 'block',
      title: 'Down to the bits of a weight',
      text: 'A block of that node’s weight as each decoder reads it. The planted kernel differs from llama.cpp in half of it; below are its bytes, fields and values.',
      side: 'bottom',
      prepare: showBlock,
    },
    {
      anchor: 'find',
      title: 'Or all of this with one click',
      text: 'Every node is judged on right inputs, against the spread between correct ways to compute it. What is bad then is bad by itself.',
      side: 'bottom',
      next: 'Find it',
      working: 'Searching…',
      prepare: show('blocks'),
    },
    {
      anchor: 'story',
      title: 'The verdict in five lines',
      text: 'What ran, what was checked, what is wrong first, why, and what it does to the answer. A cause counts only when replaying it gives the same wrong numbers. The evidence is below.',
      side: 'bottom',
      align: 'end',
      prepare: findFirstBad,
    },
    {
      anchor: 'export',
      title: 'Take it with you',
      text: 'A report to read, JSON for machines, or a repro: a folder that replays the bad node anywhere, for an issue or a regression test.',
      side: 'bottom',
      prepare: show('wizard'),
    },
  ];
}
