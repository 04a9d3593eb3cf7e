import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ElectronApplication, Page } from 'playwright-core';
import { _electron } from 'playwright-core';
import { expect } from 'vitest';
import { electronFlags } from '../../build/electron-flags.mjs';
import { projectRoot } from '../../src/main/entry-path';

export const TINY_MODEL = join(projectRoot(), 'test', 'fixtures', 'quarrel-tiny.gguf');
const SHOTS = join(projectRoot(), 'test-results', 'screenshots');

/** The built app in a folder of its own for settings, with what its page complained about. */
export interface QuarrelWindow {
  readonly app: ElectronApplication;
  readonly page: Page;
  /** Errors of the page and its console; a healthy session has none. */
  readonly complaints: string[];
  readonly folder: string;
  shot(name: string): Promise<void>;
  close(): Promise<void>;
}

export function launchQuarrel(...args: readonly string[]): Promise<QuarrelWindow> {
  return launchIn(mkdtempSync(join(tmpdir(), 'quarrel-e2e-')), ...args);
}

/** The command line of an app with its settings in `folder`. */
export function appArguments(folder: string): string[] {
  return [...electronFlags(), `--user-data-dir=${join(folder, 'user')}`, projectRoot()];
}

/** In the folder of an earlier session, with the settings that it left. */
export async function launchIn(folder: string, ...args: readonly string[]): Promise<QuarrelWindow> {
  // Of its own, so that what is left there is this app's.
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary, { recursive: true });
  const app = await _electron.launch({
    env: { ...process.env, TMPDIR: temporary },
    args: [...appArguments(folder), ...args],
    cwd: projectRoot(),
    // Playwright would force the light theme, which the app sets itself.
    colorScheme: null,
  });
  const page = await app.firstWindow();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  mkdirSync(SHOTS, { recursive: true });
  return {
    app,
    page,
    complaints,
    folder,
    shot: async (name) => {
      await page.screenshot({ path: join(SHOTS, `${name}.png`) });
    },
    close: async () => {
      await app.close();
      const left = leftovers(folder);
      rmSync(folder, { recursive: true, force: true });
      expect(left, 'folders of traces that the app left behind').toEqual([]);
    },
  };
}

/** Temporary folders that an app which ended has left. */
export function leftovers(folder: string): string[] {
  return readdirSync(join(folder, 'tmp')).filter((name) => name.startsWith('quarrel-'));
}

/** Makes the next open dialogs answer with `path`. */
export async function answerOpenDialog({ app }: QuarrelWindow, path: string): Promise<void> {
  await app.evaluate(({ dialog }, chosen) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
  }, path);
}

/** Makes the next save dialogs answer with `path`. */
export async function answerSaveDialog({ app }: QuarrelWindow, path: string): Promise<void> {
  await app.evaluate(({ dialog }, chosen) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: chosen });
  }, path);
}

interface Asked {
  readonly message: string;
  readonly detail: string;
  readonly buttons: readonly string[];
}

/** Answers the next native questions with a button, and notes them. */
export async function answerQuestion({ app }: QuarrelWindow, button: number): Promise<void> {
  await app.evaluate(({ dialog }, response) => {
    const asked: Asked[] = [];
    Object.assign(globalThis, { asked });
    const note = (...given: unknown[]): Promise<{ response: number; checkboxChecked: boolean }> => {
      const { message, detail, buttons } = given.at(-1) as Asked;
      asked.push({ message, detail, buttons });
      return Promise.resolve({ response, checkboxChecked: false });
    };
    dialog.showMessageBox = note;
  }, button);
}

export function questions({ app }: QuarrelWindow): Promise<readonly Asked[]> {
  return app.evaluate(() => (globalThis as unknown as { asked: Asked[] }).asked);
}

/** Drops a file on the window as the platform does, with a real path. */
export async function dropFile({ app, page }: QuarrelWindow, path: string): Promise<void> {
  const session = await app.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 300, y: 300, data });
  }
  await session.detach();
}

export async function setTheme({ page }: QuarrelWindow, theme: 'Light' | 'Dark'): Promise<void> {
  await page.getByRole('radio', { name: `${theme} theme` }).click();
  await page.waitForFunction(`matchMedia('(prefers-color-scheme: ${theme.toLowerCase()})').matches`);
}

/** Gives the window's contents a size, in pixels. */
export async function resizeWindow({ app }: QuarrelWindow, width: number, height: number): Promise<void> {
  await app.evaluate(
    ({ BrowserWindow }, size) => {
      for (const window of BrowserWindow.getAllWindows()) if (window.isVisible()) window.setContentSize(...size);
    },
    [width, height] as [number, number],
  );
}

/** A model with random weights, whose numbers the tests know. */
export async function openTinyModel(quarrel: QuarrelWindow): Promise<void> {
  const { page } = quarrel;
  await answerOpenDialog(quarrel, TINY_MODEL);
  await page.getByRole('button', { name: 'Open a GGUF model…' }).click();
  await page.getByRole('heading', { name: 'Tensors by layer' }).waitFor();
}

export async function runLanes({ page }: QuarrelWindow): Promise<void> {
  await page.getByRole('button', { name: 'Run lanes' }).click();
  await page.locator('.timeline-view').waitFor({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'detached' });
}
