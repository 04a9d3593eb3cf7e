import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../src/main/entry-path';
import type { QuarrelWindow } from './quarrel-app';
import { answerOpenDialog, dropFile, launchQuarrel, openTinyModel, runLanes, TINY_MODEL } from './quarrel-app';

describe('files', () => {
  let quarrel: QuarrelWindow;
  let garbage: string;

  beforeAll(async () => {
    quarrel = await launchQuarrel('package.json');
    garbage = join(quarrel.folder, 'garbage.gguf');
    writeFileSync(garbage, 'This is no model file.'.repeat(100));
  });
  afterAll(async () => {
    await quarrel.close();
  });

  it('says what is wrong with a file named on the command line, and lives on', async () => {
    const { page } = quarrel;
    const notice = page.getByRole('alert');
    await notice.waitFor();
    expect(await notice.innerText()).toMatch(/package\.json.*GGUF/s);
    expect(await notice.innerText()).not.toMatch(/\n\s+at /);
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await notice.waitFor({ state: 'detached' });
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Which layer went wrong first?');
  });

  it('says what is wrong with a dropped file', async () => {
    const { page } = quarrel;
    await dropFile(quarrel, garbage);
    const notice = page.getByRole('alert');
    await notice.waitFor();
    expect(await notice.innerText()).toContain('garbage.gguf');
    await page.getByRole('button', { name: 'Dismiss' }).click();
  });

  it('opens a dropped model, and one chosen in the dialog', async () => {
    const { page } = quarrel;
    await dropFile(quarrel, TINY_MODEL);
    await page.getByRole('heading', { name: 'quarrel-tiny' }).waitFor();
    await answerOpenDialog(quarrel, TINY_MODEL);
    await page.getByRole('button', { name: 'Open…' }).click();
    await page.getByRole('heading', { name: 'quarrel-tiny' }).waitFor();
    expect(quarrel.complaints).toEqual([]);
  });
});

describe('work', () => {
  let quarrel: QuarrelWindow;

  beforeAll(async () => {
    quarrel = await launchQuarrel(TINY_MODEL);
    await quarrel.page.getByRole('heading', { name: 'quarrel-tiny' }).waitFor();
  });
  afterAll(async () => {
    await quarrel.close();
  });

  it('cancels a run and runs again', async () => {
    const { page } = quarrel;
    await page.getByRole('button', { name: 'Run lanes' }).click();
    await page.getByText('reference, free run').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: /Cancel/ }).waitFor({ state: 'detached' });
    expect(await page.locator('.timeline-view').count()).toBe(0);
    expect(await page.getByRole('alert').count()).toBe(0);
    await runLanes(quarrel);
  });

  it('refuses tokens that are none, in the field', async () => {
    const { page } = quarrel;
    await page.getByRole('radio', { name: 'Token ids' }).click();
    await page.getByRole('textbox', { name: 'Token ids' }).fill('1, x');
    expect(await page.getByRole('button', { name: 'Run lanes' }).isDisabled()).toBe(true);
    await page.getByRole('textbox', { name: 'Token ids' }).fill('99999');
    await page.getByRole('button', { name: 'Run lanes' }).click();
    const notice = page.getByRole('alert');
    await notice.waitFor();
    expect(await notice.innerText()).toContain('99999');
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await page.getByRole('radio', { name: 'Text' }).click();
  });

  it('survives a crash of the GPU window: says so, and opens it anew', async () => {
    const { app, page } = quarrel;
    await page.getByRole('button', { name: 'Run lanes' }).click();
    await page.getByText('webgpu, free run').waitFor();
    await app.evaluate(({ BrowserWindow }) => {
      const hidden = BrowserWindow.getAllWindows().find((w) => w.webContents.getURL().includes('gpu-window'));
      hidden?.webContents.forcefullyCrashRenderer();
    });
    await page.getByText('did not run').waitFor({ timeout: 30_000 });
    expect(await page.locator('.labels .lane', { hasText: 'webgpu' }).getAttribute('title')).toMatch(/GPU window/);
    await runLanes(quarrel);
    await page.getByText('did not run').waitFor({ state: 'detached', timeout: 60_000 });
  });
});

describe('bugs of our own', () => {
  it('are said in the window instead of stopping the app behind a box', async () => {
    const quarrel = await launchQuarrel();
    try {
      const { app, page } = quarrel;
      await page.getByRole('heading', { level: 1 }).waitFor();
      await app.evaluate(() => {
        setTimeout(() => {
          throw new Error('planted in main');
        });
      });
      await page.getByText('This is a bug in Quarrel: planted in main').waitFor();
      await openTinyModel(quarrel);
    } finally {
      await quarrel.close();
    }
  });
});

describe('closing the window', () => {
  it('ends the process, though the GPU window is open', async () => {
    const quarrel = await launchQuarrel();
    await openTinyModel(quarrel);
    await runLanes(quarrel);
    const process = quarrel.app.process();
    const ended = new Promise<number | null>((resolve) => process.once('exit', resolve));
    await quarrel.app.evaluate(({ BrowserWindow }) => {
      // In a turn of its own: this call must be answered before its process goes.
      setImmediate(() => {
        for (const window of BrowserWindow.getAllWindows()) if (window.isVisible()) window.close();
      });
    });
    expect(await ended).toBe(0);
    rmSync(quarrel.folder, { recursive: true, force: true });
  });
});

describe('the window', () => {
  let quarrel: QuarrelWindow;

  beforeAll(async () => {
    quarrel = await launchQuarrel();
    await quarrel.page.getByRole('heading', { level: 1 }).waitFor();
  });
  afterAll(async () => {
    await quarrel.close();
  });

  it('has no Node in it, only the contract', async () => {
    expect(await quarrel.page.evaluate('[typeof require, typeof process, typeof module]')).toEqual([
      'undefined',
      'undefined',
      'undefined',
    ]);
    expect(await quarrel.page.evaluate('Object.keys(window.quarrel).sort()')).toEqual(['call', 'on', 'onDrop']);
  });

  it('runs no inline script and no eval, opens no other window', async () => {
    const { page, app } = quarrel;
    // In a timer: the debugger's own evaluation is exempt from the policy.
    const inline = `new Promise((resolve) => setTimeout(() => {
      const script = document.createElement('script');
      script.textContent = 'window.inlineRan = true';
      document.body.append(script);
      let evalRan = true;
      try { new Function('return 1')(); } catch { evalRan = false; }
      resolve([window.inlineRan === true, evalRan, window.open('https://example.com') !== null]);
    }))`;
    expect(await page.evaluate(inline)).toEqual([false, false, false]);
    expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  });

  it('answers refusals to malformed requests and to other senders', async () => {
    const { page, app } = quarrel;
    const reply = await page.evaluate(`window.quarrel.call('setTheme', { theme: 'pink' })`);
    expect(reply).toMatchObject({ ok: false, failure: { kind: 'refused' } });
    const foreign = await app.evaluate(
      async ({ BrowserWindow }, preload) => {
        const other = new BrowserWindow({ show: false, webPreferences: { preload, sandbox: true } });
        await other.loadURL('data:text/html,<p>foreign</p>');
        const answer: unknown = await other.webContents.executeJavaScript(`window.quarrel.call('appState', {})`);
        other.destroy();
        return answer;
      },
      join(projectRoot(), 'out', 'preload', 'ui.cjs'),
    );
    expect(foreign).toMatchObject({ ok: false, failure: { kind: 'refused' } });
  });

  it('remembers opened models and the theme', async () => {
    const { page } = quarrel;
    await openTinyModel(quarrel);
    const state = await page.evaluate(`window.quarrel.call('appState', {})`);
    expect(state).toMatchObject({ ok: true, value: { recent: [{ name: 'quarrel-tiny.gguf' }] } });
  });

  it('fits 1024 × 700 without anything sticking out', async () => {
    const { page, app } = quarrel;
    await app.evaluate(({ BrowserWindow }) => {
      BrowserWindow.getAllWindows()
        .find((w) => w.isVisible())
        ?.setSize(1024, 700);
    });
    await page.waitForFunction('window.innerWidth <= 1024');
    await runLanes(quarrel);
    for (const view of ['Model', 'Timeline', 'Layer', 'First bad layer']) {
      await page.getByRole('navigation').getByRole('button', { name: view, exact: true }).click();
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - window.innerWidth + document.querySelector("main").scrollWidth - document.querySelector("main").clientWidth',
      );
      expect(overflow, view).toBe(0);
    }
  });

  // The last test: Playwright keeps waiting for a navigation that was forbidden, so the page is no use afterwards.
  it('goes nowhere', async () => {
    const { page, app } = quarrel;
    const before = page.url();
    await page.evaluate(`setTimeout(() => (location.href = 'https://example.com'))`);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const urls = await app.evaluate(({ webContents }) => webContents.getAllWebContents().map((w) => w.getURL()));
    expect(urls).toContain(before);
    expect(urls.filter((url) => !url.startsWith('quarrel://app/'))).toEqual([]);
  });
});
