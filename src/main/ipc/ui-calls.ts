import { existsSync } from 'node:fs';
import type { BrowserWindow, OpenDialogOptions, SaveDialogOptions } from 'electron';
import { app, dialog, nativeTheme, shell } from 'electron';
import { QuarrelError } from '../../shared/base/errors';
import type { AppState, JobCall, PickKind } from '../../shared/ipc/contract';
import type { JobAnswer, JobName, WeightsPart } from '../../shared/ipc/jobs';
import { specimenPath } from '../entry-path';
import { readGallery } from '../gallery/gallery';
import type { CallHandlers } from './handlers';
import { sendEvent } from './handlers';
import type { JobService, RunningJob } from './job-service';
import type { Settings } from './settings';
import { LastVerdict } from './verdict-export';

const PICK_DIALOGS: Readonly<Record<PickKind, OpenDialogOptions>> = {
  model: {
    title: 'Open a model file',
    filters: [
      { name: 'GGUF models', extensions: ['gguf'] },
      { name: 'All files', extensions: ['*'] },
    ],
    properties: ['openFile'],
  },
  trace: {
    title: 'Choose a trace',
    filters: [
      { name: 'Traces', extensions: ['safetensors'] },
      { name: 'All files', extensions: ['*'] },
    ],
    properties: ['openFile'],
  },
  shaders: { title: 'Choose a folder that overlays shaders/', properties: ['openDirectory'] },
  library: { title: 'Choose a folder with another llama.cpp build', properties: ['openDirectory'] },
};

export interface UiCallContext {
  readonly window: () => BrowserWindow | undefined;
  readonly settings: Settings;
  readonly jobs: JobService;
  /** The model to open first; undefined once it was handed out. */
  readonly takeLaunchFile: () => string | undefined;
  readonly onRecentChanged: () => void;
}

/** Main's side of the contract. */
export function uiCalls(context: UiCallContext): CallHandlers {
  const { settings, window } = context;
  const running = new Map<number, RunningJob<JobName>>();
  /** Paths that the user chose in a save dialog and that no job has taken yet: the page may write nowhere else. */
  const granted = new Set<string>();
  const last = new LastVerdict();
  return {
    appState: () => appState(context),
    setTheme: ({ theme }) => {
      settings.theme = theme;
      nativeTheme.themeSource = theme;
      return null;
    },
    pickPath: ({ kind }) => pickPath(window(), kind),
    rememberFile: ({ path }) => {
      settings.remember(path);
      app.addRecentDocument(path);
      context.onRecentChanged();
      return settings.recent();
    },
    forgetRecentFiles: () => {
      settings.forgetRecent();
      app.clearRecentDocuments();
      context.onRecentChanged();
      return null;
    },
    rememberTour: () => {
      settings.tourSeen = true;
      return null;
    },
    startJob: async (call) => {
      if (call.name === 'saveWeights' && !granted.delete(call.request.path)) {
        throw new QuarrelError(`${call.request.path} was not chosen in a save dialog`);
      }
      last.begin(call.name);
      const answer = await runJob(context, running, call);
      last.end(call.name, answer);
      return answer;
    },
    gallery: () => readGallery(),
    cancelJob: ({ id }) => {
      running.get(id)?.cancel();
      return null;
    },
    pickSavePath: async ({ part, name }) => {
      const path = await pickSavePath(window(), saveDialog(part, name));
      if (path !== null) granted.add(path);
      return path;
    },
    exportVerdict: ({ kind }) => last.exportAs(kind, (options) => pickSavePath(window(), options), context.jobs),
    revealFile: ({ path }) => {
      shell.showItemInFolder(path);
      return null;
    },
  };
}

function appState({ settings, takeLaunchFile }: UiCallContext): AppState {
  const specimen = specimenPath();
  return {
    version: app.getVersion(),
    theme: settings.theme,
    recent: settings.recent(),
    tourSeen: settings.tourSeen,
    specimen: existsSync(specimen) ? specimen : null,
    launchFile: takeLaunchFile() ?? null,
  };
}

async function pickPath(window: BrowserWindow | undefined, kind: PickKind): Promise<string | null> {
  const options = PICK_DIALOGS[kind];
  const { canceled, filePaths } = await (window
    ? dialog.showOpenDialog(window, options)
    : dialog.showOpenDialog(options));
  return canceled ? null : (filePaths[0] ?? null);
}

async function runJob(
  { jobs, window }: UiCallContext,
  running: Map<number, RunningJob<JobName>>,
  { id, name, request }: JobCall,
): Promise<JobAnswer<JobName>> {
  if (running.has(id)) throw new QuarrelError(`job ${id} is running already`);
  const job = jobs.start(name, request, (progress) => {
    sendEvent(window()?.webContents, 'jobProgress', { id, progress });
  });
  running.set(id, job);
  try {
    return await job.answer;
  } finally {
    running.delete(id);
  }
}

function saveDialog(part: WeightsPart, name: string): SaveDialogOptions {
  const bytes = { name: 'Encoded bytes', extensions: ['bin'] };
  const values = [
    { name: 'NumPy array, f32', extensions: ['npy'] },
    { name: 'Safetensors, f32', extensions: ['safetensors'] },
  ];
  const filters = part === 'block' ? [bytes, ...values] : [...values, bytes];
  // A tensor's name may hold anything; a file's name must hold no separator.
  const fileName = `${name.replace(/[^\w.+-]/g, '_')}.${filters[0]?.extensions[0] ?? ''}`;
  return { title: `Save the ${part}`, defaultPath: fileName, filters };
}

async function pickSavePath(window: BrowserWindow | undefined, options: SaveDialogOptions): Promise<string | null> {
  const { canceled, filePath } = await (window
    ? dialog.showSaveDialog(window, options)
    : dialog.showSaveDialog(options));
  return canceled || !filePath ? null : filePath;
}
