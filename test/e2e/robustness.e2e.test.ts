import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../../src/main/entry-path';
import type { QuarrelWindow } from './quarrel-app';
import {
  answerOpenDialog,
  answerQuestion,
  questions,
  answerSaveDialog,
  dropFile,
  launchQuarrel,
  openTinyModel,
  runLanes,
  TINY_MODEL,
} from './quarrel-app';

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

  it('waits for no pipe', async () => {
    const pipe = join(quarrel.folder, 'pipe.gguf');
    execFileSync('mkfifo', [pipe]);
    await dropFile(quarrel, pipe);
    const notice = quarrel.page.getByRole('alert');
    await notice.waitFor({ timeout: 5_000 });
    expect(await notice.innerText()).toContain('pipe.gguf');
    await quarrel.page.getByRole('button', { name: 'Dismiss' }).click();
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

  // The last test of this window.
  it('ends with its window, though the GPU window is open', async () => {
    const { app } = quarrel;
    const main = app.process();
    const ended = new Promise<number | null>((resolve) => main.once('exit', resolve));
    await app.evaluate(({ BrowserWindow }) => {
      // In a turn of its own: this call must be answered before its process goes.
      setImmediate(() => {
        for (const window of BrowserWindow.getAllWindows()) if (window.isVisible()) window.close();
      });
    });
    expect(await ended).toBe(0);
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

  it('says bugs of our own in the window instead of stopping the app behind a box', async () => {
    const { app, page } = quarrel;
    await app.evaluate(() => {
      setTimeout(() => {
        throw new Error('planted in main');
      });
    });
    await page.getByText('This is a bug in Quarrel: planted in main').waitFor();
    await page.getByRole('button', { name: 'Dismiss' }).click();
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

  it('has folders shown only of what it wrote', async () => {
    const reply = await quarrel.page.evaluate(`window.quarrel.call('revealFile', { path: '/etc/passwd' })`);
    expect(reply).toMatchObject({ ok: false, failure: { message: '/etc/passwd was not written by this window' } });
  });

  it('saves nothing over the model that is open', async () => {
    const { page, folder } = quarrel;
    const model = join(folder, 'model.gguf');
    copyFileSync(TINY_MODEL, model);
    const link = join(folder, 'link.bin');
    symlinkSync(model, link);
    await answerSaveDialog(quarrel, link);
    await page.evaluate(`window.quarrel.call('pickSavePath', { part: 'block', name: 'x' })`);
    const request = { modelPath: model, tensor: 'token_embd.weight', index: 0, part: 'block', path: link };
    const call = JSON.stringify({ id: 999_999, name: 'saveWeights', request });
    const reply = await page.evaluate(`window.quarrel.call('startJob', ${call})`);
    expect(reply).toMatchObject({ ok: false, failure: { message: expect.stringContaining('is read here') } });
    expect(readFileSync(model).equals(readFileSync(TINY_MODEL))).toBe(true);
  });

  it('has an origin of its own, apart from the GPU page', async () => {
    const served = await quarrel.app.evaluate(async ({ net }) => {
      const urls = ['app/ui', 'app/gpu-window', 'gpu/gpu-window', 'gpu/ui', 'other/ui'];
      const answers = await Promise.all(urls.map((url) => net.fetch(`quarrel://${url}/index.html`)));
      return answers.map((answer) => answer.status);
    });
    expect(served).toEqual([200, 403, 200, 403, 403]);
  });

  it('asks natively before a lane starts a program', async () => {
    const ran = join(quarrel.folder, 'ran');
    const lane = `cmd:touch ${ran} {out}`;
    await answerQuestion(quarrel, 0);
    expect(await runsLane(quarrel, lane)).toMatchObject({
      ok: false,
      failure: { message: expect.stringMatching(/may not be started/) },
    });
    expect(existsSync(ran)).toBe(false);
    expect(await questions(quarrel)).toEqual([
      {
        message: 'Start this program?',
        detail: expect.stringContaining(`touch ${ran} {out}`),
        buttons: ['Do not run', 'Start it'],
      },
    ]);
    await answerQuestion(quarrel, 1);
    await runsLane(quarrel, lane);
    expect(existsSync(ran)).toBe(true);
    await runsLane(quarrel, lane);
    expect(await questions(quarrel), 'the same program is asked for once').toHaveLength(1);
  });

  it('asks before it loads a library folder, but for one chosen in a dialog', async () => {
    const asked = join(quarrel.folder, 'asked');
    const picked = join(quarrel.folder, 'picked');
    for (const folder of [asked, picked]) mkdirSync(folder);
    await answerQuestion(quarrel, 0);
    expect(await runsLane(quarrel, `llama:vulkan@${asked}`)).toMatchObject({
      ok: false,
      failure: { message: expect.stringMatching(/may not be loaded/) },
    });
    expect(await questions(quarrel)).toMatchObject([{ message: 'Load llama.cpp from this folder?' }]);
    await answerOpenDialog(quarrel, picked);
    await quarrel.page.evaluate(`window.quarrel.call('pickPath', { kind: 'library' })`);
    expect(JSON.stringify(await runsLane(quarrel, `llama@${picked}`))).toContain('no llama.cpp library in');
    expect(await questions(quarrel)).toHaveLength(1);
  });

  it('names an Electron without security fixes, and a sandbox that is off, once: in the help', async () => {
    const { app, page } = quarrel;
    const { electron, sandboxed } = await app.evaluate(({ app: main }) => ({
      electron: process.versions.electron,
      sandboxed: !main.commandLine.hasSwitch('no-sandbox'),
    }));
    await page.getByRole('button', { name: 'Help' }).click();
    const about = page.getByRole('menuitem', { name: 'About Quarrel' });
    await about.waitFor();
    await quarrel.shot('help-about');
    const hint = await about.innerText();
    if (Number.parseInt(electron, 10) < 40)
      expect(hint).toContain(`Electron ${electron} gets no security fixes any more`);
    if (!sandboxed) expect(hint).toContain('sandbox is off');
    await answerQuestion(quarrel, 0);
    await about.click();
    await expect.poll(() => questions(quarrel)).toMatchObject([{ message: /^Quarrel / }]);
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
    await page.evaluate(
      `setTimeout(() => (location.href = 'https://example.com')); setTimeout(() => (location.href = 'quarrel://gpu/gpu-window/index.html'), 200)`,
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    const urls = await app.evaluate(({ webContents }) => webContents.getAllWebContents().map((w) => w.getURL()));
    expect(urls).toContain(before);
    expect(urls.filter((url) => !/^quarrel:\/\/(app\/ui|gpu\/gpu-window)\/index\.html$/.test(url))).toEqual([]);
  });
});

/** What a page that was taken over could ask for. */
function runsLane({ page }: QuarrelWindow, lane: string): Promise<unknown> {
  const prompt = { kind: 'tokens', tokens: [1, 2] };
  const request = { modelPath: TINY_MODEL, prompt, reference: 'llama', candidate: lane };
  const call = { id: 1_000_000 + Math.floor(Math.random() * 1e6), name: 'findFirstBad', request };
  return page.evaluate(`window.quarrel.call('startJob', ${JSON.stringify(call)})`);
}
