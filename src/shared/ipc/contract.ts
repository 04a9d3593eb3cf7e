import type { Progress } from '../base/progress';
import type { GalleryBug } from '../gallery/gallery';
import type { JobAnswer, JobName, JobRequest, VerdictExport, WeightsPart } from './jobs';

/** Why a call brought no answer. `refused`: main did not accept the sender or the request; nothing was done. */
export type Failure =
  | { readonly kind: 'failed'; readonly message: string; readonly detail?: string }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'refused'; readonly message: string };

/** Every call is answered with one of these; nothing is thrown across the process border. */
export type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export type Theme = 'system' | 'dark' | 'light';

export interface RecentFile {
  readonly path: string;
  readonly name: string;
  readonly folder: string;
}

/** What the window needs to draw its first picture. */
export interface AppState {
  readonly version: string;
  readonly theme: Theme;
  readonly recent: readonly RecentFile[];
  /** Whether the tour was walked through or skipped before. */
  readonly tourSeen: boolean;
  /** The model that ships with Quarrel; null where it is missing. */
  readonly specimen: string | null;
  /** The model named on the command line, or dropped on the app's icon; null when none. Handed out once. */
  readonly launchFile: string | null;
  /** What the user should know about what runs here, such as an Electron without security fixes. */
  readonly cautions: readonly string[];
}

export type PickKind = 'model' | 'trace' | 'shaders' | 'library';

/** One long job; `id` is chosen by the window, unique among its running jobs. */
export type JobCall = {
  readonly [N in WindowJobName]: { readonly id: number; readonly name: N; readonly request: JobRequest<N> };
}[WindowJobName];

/** Jobs that main starts by itself: they write to paths that the user chose, or end what the window left open. */
export type WindowJobName = Exclude<JobName, 'exportVerdict' | 'closeVerdict'>;

/** Jobs whose last answer the window goes on showing. */
export type KeptJobName = 'inspect' | 'runLanes' | 'findFirstBad';

export type KeptJob = {
  readonly [N in KeptJobName]: Extract<JobCall, { readonly name: N }> & { readonly answer: JobAnswer<N> };
}[KeptJobName];

/** What an earlier page of the window left: all that is needed to go on where it stopped. */
export interface WindowSession {
  /** What became of that page, to be told; null at the app's start. */
  readonly loss: string | null;
  /** The highest id of a job so far. */
  readonly lastId: number;
  /** At most one of each name, the newest last. */
  readonly kept: readonly KeptJob[];
  /** Jobs that still run, in the order of their start, each with the newest of its stages. */
  readonly running: readonly { readonly call: JobCall; readonly stages: readonly Progress[] }[];
}

/**
 * Everything the UI window may ask of main: the one contract. Both ends derive from it: the preload script exposes
 * `QuarrelApi`, main must have a handler and a request schema for every name.
 */
export interface CallContract {
  appState(request: Record<string, never>): AppState;
  /** What a page that is loaded anew goes on with. */
  session(request: Record<string, never>): WindowSession;
  /** Bugs planted in kernels, for the embedded model; the one to begin with first. */
  gallery(request: Record<string, never>): readonly GalleryBug[];
  setTheme(request: { readonly theme: Theme }): null;
  /** Shows the platform's dialog; null when the user closes it. */
  pickPath(request: { readonly kind: PickKind }): string | null;
  /** Puts a model that was opened at the head of the recent files; answers with the new list. */
  rememberFile(request: { readonly path: string }): readonly RecentFile[];
  forgetRecentFiles(request: Record<string, never>): null;
  /** The tour is offered no more. */
  rememberTour(request: Record<string, never>): null;
  /** Answers when the job ends; `jobProgress` meanwhile. The answer's type is that of `JobContract[name]`. */
  startJob(request: JobCall): JobAnswer<JobName>;
  cancelJob(request: { readonly id: number }): null;
  /** Answers as `startJob` would, for a job that an earlier page started. */
  joinJob(request: { readonly id: number }): JobAnswer<JobName>;
  /**
   * Save dialog, then an atomic write of what the window's last `findFirstBad` job found; the path, or null when the
   * user closes the dialog. Fails where no such job has finished, and for a repro where no node is bad.
   */
  exportVerdict(request: { readonly kind: VerdictExport }): string | null;
  /**
   * Shows the save dialog for a part of a tensor; null when the user closes it. Only a path that this has answered with
   * may be given to the job `saveWeights`, once.
   */
  pickSavePath(request: { readonly part: WeightsPart; readonly name: string }): string | null;
  /** Opens the folder that holds a file, or repro, that this window has written, in the platform's file manager. */
  revealFile(request: { readonly path: string }): null;
  showAbout(request: Record<string, never>): null;
}

export type CallName = keyof CallContract;
export type CallRequest<N extends CallName> = Parameters<CallContract[N]>[0];
export type CallAnswer<N extends CallName> = ReturnType<CallContract[N]>;

/** What main tells the window unasked. */
export interface EventContract {
  jobProgress: { readonly id: number; readonly progress: Progress };
  /** From the menu, a second start of the app, or the platform. */
  openFile: { readonly path: string };
  recentChanged: { readonly recent: readonly RecentFile[] };
  /** Something in main went wrong outside any call. */
  failure: { readonly message: string };
  /** Menu commands that the window carries out. */
  command: { readonly command: MenuCommand };
}

export type MenuCommand = 'open' | 'run' | 'find-first-bad' | 'export-verdict';
export type EventName = keyof EventContract;

/** `window.quarrel` in the UI window. */
export interface QuarrelApi {
  call<N extends CallName>(name: N, request: CallRequest<N>): Promise<Reply<CallAnswer<N>>>;
  /** Returns the unsubscriber. */
  on<N extends EventName>(name: N, listener: (payload: EventContract[N]) => void): () => void;
  /** A file was dropped on the window; its path, resolved where the page cannot. Returns the unsubscriber. */
  onDrop(listener: (path: string) => void): () => void;
}

/** IPC channels: `call:NAME` (invoke) and `event:NAME` (send). */
export const callChannel = (name: CallName): string => `call:${name}`;
export const eventChannel = (name: EventName): string => `event:${name}`;
/** Channels between main and the GPU window. */
export const GPU_MESSAGE_CHANNEL = 'gpu:message';
export const GPU_EVENT_CHANNEL = 'gpu:event';
export const GPU_READY_CHANNEL = 'gpu:ready';
