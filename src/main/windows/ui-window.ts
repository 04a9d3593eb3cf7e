import { join } from 'node:path';
import { BrowserWindow, nativeTheme } from 'electron';
import { projectRoot } from '../entry-path';
import { UI_URL } from './app-protocol';

/** The canvas colours of styles/theme.css, so that no white flash precedes the first paint. */
const BACKGROUND = { dark: '#0e1116', light: '#f6f7f9' };

/** The one window the user sees: sandboxed, isolated, with nothing but the contract in it. */
export function createUiWindow(): BrowserWindow {
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 1024,
    minHeight: 700,
    title: 'Quarrel',
    show: false,
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: {
      preload: join(projectRoot(), 'out', 'preload', 'ui.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  });
  window.once('ready-to-show', () => window.show());
  void window.loadURL(UI_URL);
  return window;
}
