import { join } from 'node:path';
import { BrowserWindow, dialog, nativeTheme } from 'electron';
import { archiveRoot } from '../entry-path';
import { UI_URL } from './app-protocol';
import { DEVELOPMENT } from './development';

/** The canvas colours of styles/theme.css, so that no white flash precedes the first paint. */
const BACKGROUND = { dark: '#0e1116', light: '#f6f7f9' };
/** A page that has not painted by then is shown as it is: better an empty window than none. */
const SHOWN_WITHIN_MS = 10_000;
/** After Chromium found it unresponsive (no input answered for some 15 s). */
const RECOVERS_WITHIN_MS = 10_000;
/** A page that stops so often so soon is not loaded again unasked. */
const STOPS = { count: 3, withinMs: 60_000 };

/** The one window the user sees. A page of it that stopped or hangs is loaded anew. */
export class UiWindow {
  private window: BrowserWindow | undefined;
  private hangTimer: NodeJS.Timeout | undefined;
  private stoppedAt: readonly number[] = [];
  private lossNotTold: string | undefined;

  /** @param onClosed the user closed it */
  constructor(private readonly onClosed: () => void) {}

  get current(): BrowserWindow | undefined {
    return this.window;
  }

  /** Why the page is a new one; undefined where it is not, or was told already. */
  takeLoss(): string | undefined {
    const loss = this.lossNotTold;
    this.lossNotTold = undefined;
    return loss;
  }

  /** Opens it, or brings it before the user, whatever became of it. */
  show(): void {
    if (!this.window) {
      this.window = this.create();
      return;
    }
    const { window } = this;
    if (window.webContents.isCrashed()) window.reload();
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  }

  private create(): BrowserWindow {
    const window = createWindow();
    const { webContents } = window;
    const showAtLast = setTimeout(() => window.show(), SHOWN_WITHIN_MS);
    window.once('ready-to-show', () => {
      clearTimeout(showAtLast);
      window.show();
    });
    window.once('closed', () => {
      clearTimeout(showAtLast);
      clearTimeout(this.hangTimer);
      this.window = undefined;
      this.onClosed();
    });
    webContents.on('render-process-gone', (_event, { reason }) => {
      clearTimeout(this.hangTimer);
      // In a turn of its own: Electron is still taking the old page down.
      setImmediate(() => void this.pageGone(window, reason));
    });
    webContents.on('unresponsive', () => {
      // A page that stands at a breakpoint is not to be taken away.
      if (webContents.isDevToolsOpened()) return;
      clearTimeout(this.hangTimer);
      this.hangTimer = setTimeout(() => webContents.forcefullyCrashRenderer(), RECOVERS_WITHIN_MS);
    });
    webContents.on('responsive', () => clearTimeout(this.hangTimer));
    void window.loadURL(UI_URL);
    return window;
  }

  private async pageGone(window: BrowserWindow, reason: string): Promise<void> {
    if (window.isDestroyed()) return;
    const now = performance.now();
    this.stoppedAt = [...this.stoppedAt.filter((at) => now - at < STOPS.withinMs), now];
    if (this.stoppedAt.length >= STOPS.count && !(await wantsAnother(reason))) {
      window.close();
      return;
    }
    if (window.isDestroyed()) return;
    this.lossNotTold = `The window stopped (${reason}) and was opened again. What ran in it went on.`;
    window.reload();
    if (!window.isVisible()) window.show();
  }
}

/** Sandboxed, isolated, with nothing but the contract in it. */
function createWindow(): BrowserWindow {
  return new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 1024,
    minHeight: 700,
    title: 'Quarrel',
    show: false,
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: {
      preload: join(archiveRoot(), 'out', 'preload', 'ui.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
      devTools: DEVELOPMENT,
    },
  });
}

async function wantsAnother(reason: string): Promise<boolean> {
  const { response } = await dialog.showMessageBox({
    type: 'error',
    message: 'Quarrel’s window keeps stopping',
    detail: `${STOPS.count} times within a minute, last: ${reason}. Jobs go on while this question is open.`,
    buttons: ['Open it again', 'Quit'],
    defaultId: 0,
    cancelId: 1,
  });
  return response === 0;
}
