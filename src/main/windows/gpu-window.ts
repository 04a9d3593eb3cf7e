import { join } from 'node:path';
import { app, BrowserWindow, ipcMain } from 'electron';
import { QuarrelError } from '../../shared/base/errors';
import type { Failure } from '../../shared/ipc/contract';
import { GPU_EVENT_CHANNEL, GPU_MESSAGE_CHANNEL, GPU_READY_CHANNEL } from '../../shared/ipc/contract';
import type { GpuEvent, GpuMessage } from '../../shared/ipc/gpu-window';
import { archiveRoot } from '../entry-path';
import { sweepLeftovers } from '../files/leftovers';
import { lives } from '../files/process-identity';
import { GPU_URL } from './app-protocol';
import { DEVELOPMENT } from './development';

const READY_WITHIN_MS = 30_000;
/** A kernel that does not end cannot be cancelled from inside: the window goes with it. */
const CANCEL_GRACE_MS = 8_000;
const GONE_WITHIN_MS = 2_000;

/**
 * The hidden, trusted page that runs WebGPU: opened on first need, closed with its calls failed when it crashes or
 * hangs, opened anew by the next call.
 */
export class GpuWindow {
  private opening: Promise<BrowserWindow> | undefined;
  private window: BrowserWindow | undefined;
  private readonly running = new Map<number, NodeJS.Timeout | undefined>();
  private errors: string[] = [];
  private gpuLosses = 0;
  /** Of the last page. */
  private pid: number | undefined;

  constructor(private readonly onEvent: (event: GpuEvent) => void) {
    app.on('child-process-gone', (_event, { type, reason }) => {
      if (type === 'GPU' && reason !== 'clean-exit') this.gpuLosses++;
    });
    ipcMain.on(GPU_EVENT_CHANNEL, (event, payload: GpuEvent) => {
      if (event.sender === this.window?.webContents) this.receive(payload);
    });
  }

  async post(message: GpuMessage): Promise<void> {
    if (message.kind === 'cancel') {
      this.cancel(message.id);
      return;
    }
    this.running.set(message.id, undefined);
    const opening = (this.opening ??= this.open());
    try {
      const window = await opening;
      if (this.running.has(message.id)) window.webContents.send(GPU_MESSAGE_CHANNEL, message);
    } catch (e) {
      if (this.opening === opening) this.failAll(e instanceof Error ? e.message : String(e));
    }
  }

  /** Closes the window; running calls fail. Fulfilled when its process, which writes files, is gone, or does not go. */
  async close(reason: string): Promise<void> {
    this.failAll(reason);
    const end = performance.now() + GONE_WITHIN_MS;
    while (this.pid !== undefined && lives(this.pid) && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  private async open(): Promise<BrowserWindow> {
    const window = new BrowserWindow({
      show: false,
      webPreferences: {
        preload: join(archiveRoot(), 'out', 'preload', 'gpu-host.cjs'),
        sandbox: false,
        contextIsolation: false,
        nodeIntegration: true,
        backgroundThrottling: false,
        spellcheck: false,
        devTools: DEVELOPMENT,
      },
    });
    this.window = window;
    this.errors = [];
    const { webContents } = window;
    webContents.on('console-message', (_event, level, text) => {
      if (level === 3) this.errors.push(text);
    });
    webContents.on('preload-error', (_event, _path, error) => this.failAll(`GPU window: ${error.message}`));
    webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
      this.failAll(`The GPU window stopped (${reason}, exit code ${exitCode}). It is opened anew for the next run.`);
      sweepLeftovers();
    });
    await this.loaded(window);
    this.pid = webContents.getOSProcessId();
    return window;
  }

  /** Resolves when the page's own script says so, since a page whose script threw also counts as loaded. */
  private async loaded(window: BrowserWindow): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const ready = new Promise<void>((resolve, reject) => {
      window.webContents.ipc.once(GPU_READY_CHANNEL, () => resolve());
      window.once('closed', () => reject(new QuarrelError('The GPU window closed while it was opening.')));
      const late = (): void => reject(new QuarrelError(`The GPU window did not open in ${READY_WITHIN_MS / 1000} s.`));
      timer = setTimeout(late, READY_WITHIN_MS);
    });
    try {
      await Promise.all([window.loadURL(GPU_URL), ready]);
    } finally {
      clearTimeout(timer);
    }
  }

  private cancel(id: number): void {
    if (!this.running.has(id) || this.running.get(id)) return;
    const timer = setTimeout(
      () => this.failAll('The GPU window did not stop when it was told to and was closed.'),
      CANCEL_GRACE_MS,
    );
    this.running.set(id, timer);
    this.window?.webContents.send(GPU_MESSAGE_CHANNEL, { kind: 'cancel', id } satisfies GpuMessage);
  }

  private receive(event: GpuEvent): void {
    if (!this.running.has(event.id)) return;
    if (event.kind !== 'progress') this.settle(event.id);
    this.onEvent(event.kind === 'failed' ? { ...event, failure: this.withLosses(event.failure) } : event);
  }

  /** Chromium may have given the GPU up: then only a new start brings it back. */
  private withLosses(failure: Failure): Failure {
    if (this.gpuLosses === 0 || failure.kind !== 'failed') return failure;
    const times = this.gpuLosses === 1 ? 'once' : `${this.gpuLosses} times`;
    const message = `${failure.message} (the GPU process was lost ${times}; if WebGPU stays away, start Quarrel again)`;
    return { ...failure, message };
  }

  private settle(id: number): void {
    clearTimeout(this.running.get(id));
    this.running.delete(id);
  }

  private failAll(message: string): void {
    const detail = this.errors.slice(-20).join('\n');
    const { window } = this;
    this.window = undefined;
    this.opening = undefined;
    for (const [id, cancelTimer] of [...this.running]) {
      this.settle(id);
      const failure: Failure = cancelTimer
        ? { kind: 'cancelled' }
        : { kind: 'failed', message, ...(detail === '' ? {} : { detail }) };
      this.onEvent({ kind: 'failed', id, failure });
    }
    if (window && !window.isDestroyed()) window.destroy();
  }
}
