import { existsSync } from 'node:fs';
import type { BrowserWindow, OpenDialogOptions, SaveDialogOptions } from 'electron';
import { app, dialog, nativeTheme, shell } from 'electron';
import { QuarrelError } from '../../shared/base/errors';
import type { AppState, PickKind } from '../../shared/ipc/contract';
import type { WeightsPart } from '../../shared/ipc/jobs';
import { specimenPath } from '../entry-path';
import { readGallery } from '../gallery/gallery';
import { cautions, showAbout } from '../windows/about';
import type { CallHandlers } from './handlers';
import { sendEvent } from './handlers';
import type { JobService } from './job-service';
import type { Question } from './lane-consent';
import { LaneConsent } from './lane-consent';
import type { Settings } from './settings';
import { exportVerdict } from './verdict-export';
import { WindowJobs } from './window-jobs';

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
  /** What became of an earlier page; undefined once it was handed out. */
  readonly takeLoss: () => string | undefined;
  readonly onRecentChanged: () => void;
}

/** Main's side of the contract. */
export function uiCalls(context: UiCallContext): CallHandlers {
  const { settings, window, jobs } = context;
  const work = new WindowJobs(jobs, (id, progress) => {
    sendEvent(window()?.webContents, 'jobProgress', { id, progress });
  });
  const consent = new LaneConsent((question) => asks(window(), question));
  /** Paths that the user chose in a save dialog and that no job has taken yet: the page may write nowhere else. */
  const granted = new Set<string>();
  /** What was written for it: the page may have nothing else shown. */
  const written = new Set<string>();
  return {
    appState: () => appState(context),
    session: () => work.session(context.takeLoss()),
    setTheme: ({ theme }) => {
      settings.theme = theme;
      nativeTheme.themeSource = theme;
      return null;
    },
    pickPath: async ({ kind }) => {
      const path = await pickPath(window(), kind);
      if (path !== null && kind === 'library') consent.picked(path);
      return path;
    },
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
      await consent.require(call);
      const answer = await work.run(call);
      if (call.name === 'saveWeights') written.add(call.request.path);
      return answer;
    },
    gallery: () => readGallery(),
    cancelJob: ({ id }) => {
      work.cancel(id);
      return null;
    },
    joinJob: ({ id }) => work.join(id),
    pickSavePath: async ({ part, name }) => {
      const path = await pickSavePath(window(), saveDialog(part, name));
      if (path !== null) granted.add(path);
      return path;
    },
    exportVerdict: async ({ kind }) => {
      const verdict = work.lastOf('findFirstBad')?.answer;
      const path = await exportVerdict(kind, verdict, (options) => pickSavePath(window(), options), jobs);
      if (path !== null) written.add(path);
      return path;
    },
    revealFile: ({ path }) => {
      if (!written.has(path)) throw new QuarrelError(`${path} was not written by this window`);
      shell.showItemInFolder(path);
      return null;
    },
    showAbout: async () => {
      await showAbout(window());
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
    cautions: cautions(),
  };
}

async function pickPath(window: BrowserWindow | undefined, kind: PickKind): Promise<string | null> {
  const options = PICK_DIALOGS[kind];
  const { canceled, filePaths } = await (window
    ? dialog.showOpenDialog(window, options)
    : dialog.showOpenDialog(options));
  return canceled ? null : (filePaths[0] ?? null);
}

async function asks(window: BrowserWindow | undefined, { message, detail, yes }: Question): Promise<boolean> {
  const options = {
    type: 'warning',
    message,
    detail,
    buttons: ['Do not run', yes],
    defaultId: 0,
    cancelId: 0,
  } as const;
  const own = { ...options, buttons: [...options.buttons] };
  const { response } = await (window ? dialog.showMessageBox(window, own) : dialog.showMessageBox(own));
  return response === 1;
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
