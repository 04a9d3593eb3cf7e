import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/shared/base/random';
import type { QuarrelWindow } from '../e2e/quarrel-app';
import { appArguments, launchIn, launchQuarrel, leftovers, TINY_MODEL } from '../e2e/quarrel-app';
import type { Shown, Signal, Victim } from './window-under-fire';
import { ended, inPage, lives, press, processesOf, shows, SIGNALS } from './window-under-fire';
import { startRun, strike, until, VICTIMS } from './window-under-fire';

// Every kind of process of the app is sent signals while lanes run. QUARREL_FULL: each signal several times; else the
// hardest of them once, within some 40 s for the whole file.
const FULL = process.env['QUARREL_FULL'] === '1';
const ROUNDS = Number(process.env['QUARREL_FAULT_ROUNDS'] ?? (FULL ? 4 : 1));
const SEED = Number(process.env['QUARREL_SEED'] ?? 14);
const RUN_MS = 2_500;
/** llama.cpp's share of it, at its beginning. */
const CAPTURE_MS = 600;
const random = seededRandom(SEED);

interface Shot {
  readonly victim: Victim;
  readonly signal: Signal;
  /** After the start of the run. */
  readonly afterMs: number;
}

function shots(): readonly Shot[] {
  const kinds = VICTIMS.flatMap((victim) =>
    (FULL ? SIGNALS : (['SIGKILL'] as const)).map((signal) => ({ victim, signal })),
  );
  const all = Array.from({ length: ROUNDS }, () => kinds).flat();
  const within = ({ victim }: Pick<Shot, 'victim'>): number => (victim === 'llama.cpp' ? CAPTURE_MS : RUN_MS);
  return all.map((kind) => ({ ...kind, afterMs: Math.floor(random.uniform() * within(kind)) }));
}

const BUG = /bug in Quarrel|Internal error/i;
/** What the app may say of a process that was killed. */
const SAYS: Readonly<Record<Victim, RegExp>> = {
  'llama.cpp': /^llama\.cpp was killed/,
  'job worker': /^The job worker (was killed|ended)/,
  'GPU window': /^The GPU window stopped/,
  'GPU process': /GPU/,
  'UI renderer': /^The window stopped .* and was opened again/,
};

describe('a process of the app that is killed while lanes run', () => {
  let quarrel: QuarrelWindow;
  const seen = new Set<number>();

  beforeAll(async () => {
    quarrel = await launchQuarrel(TINY_MODEL);
    // Three lost pages within a minute: the user is asked.
    await quarrel.app.evaluate(({ dialog }) => {
      dialog.showMessageBox = () => Promise.resolve({ response: 0, checkboxChecked: false });
    });
    await shows(quarrel, 'the model', ({ notices }) => notices.length === 0);
    await startRun(quarrel);
    await settled();
  });
  afterAll(async () => {
    await quarrel.close();
    await until('the end of every process', () => [...seen].every((pid) => !lives(pid)));
  });

  function settled(): Promise<Shown> {
    return shows(quarrel, 'the end of the run', ({ busy, lanes }) => !busy && lanes.length > 0);
  }

  it.each(shots())(
    '$victim, $signal, $afterMs ms into the run: the window lives on, and says what happened',
    async ({ victim, signal, afterMs }) => {
      await startRun(quarrel);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      const pid = await strike(quarrel, victim, signal);
      for (const pid of await processesOf(quarrel)) seen.add(pid);
      const shown = await settled();
      const said = [...shown.notices, ...shown.lanes];
      if (FULL) console.info(victim, signal, pid === undefined ? 'was not there' : 'hit', JSON.stringify(shown));
      expect(said.filter((text) => BUG.test(text))).toEqual([]);
      for (const notice of shown.notices) expect(notice).toMatch(SAYS[victim]);
      for (let i = 0; i < shown.notices.length; i++) await press(quarrel, 'Dismiss');
    },
    60_000,
  );

  it('a second start shows the window again, and says so', async () => {
    const { app } = quarrel;
    const isVisible = (): Promise<boolean> =>
      app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().some((w) => w.isVisible()));
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().forEach((w) => w.hide()));
    expect(await isVisible()).toBe(false);
    const second = spawn(app.process().spawnfile, appArguments(quarrel.folder), {
      env: { ...process.env, TMPDIR: join(quarrel.folder, 'tmp') },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    second.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    expect(await ended(second)).toBe(0);
    expect(stderr).toContain('Quarrel runs already: its window is shown.');
    await until('the window', isVisible);
  });

  it.skipIf(!FULL)(
    'a page that hangs is loaded anew',
    async () => {
      void inPage(quarrel, 'for (;;);');
      // Playwright switches Chromium's hang monitor off, so its word is given here.
      await quarrel.app.evaluate(({ BrowserWindow }) => {
        const window = BrowserWindow.getAllWindows().find((w) => w.webContents.getURL().startsWith('quarrel://app/'));
        window?.webContents.emit('unresponsive');
      });
      const { notices } = await shows(quarrel, 'the word', (shown) => shown.notices.length > 0);
      expect(notices).toEqual([expect.stringMatching(/was opened again/)]);
      await press(quarrel, 'Dismiss');
    },
    90_000,
  );

  it('nothing is lost: all lanes run again', async () => {
    await startRun(quarrel);
    const { lanes, notices } = await settled();
    expect(notices).toEqual([]);
    expect(lanes.filter((lane) => /did not run|stopped|killed/.test(lane))).toEqual([]);
  }, 60_000);
});

describe('the main process that is killed while lanes run', () => {
  it.each(FULL ? SIGNALS.filter((s) => s !== 'SIGKILL') : (['SIGHUP'] as const))(
    '%s: it quits in order and leaves nothing',
    async (signal) => {
      const quarrel = await launchQuarrel(TINY_MODEL);
      await startRun(quarrel);
      await new Promise((resolve) => setTimeout(resolve, random.uniform() * RUN_MS));
      const processes = await processesOf(quarrel);
      const main = quarrel.app.process();
      const startedAt = performance.now();
      main.kill(signal);
      expect(await ended(main)).toBe(0);
      expect(performance.now() - startedAt).toBeLessThan(6_000);
      await until('the end of every process', () => processes.every((pid) => !lives(pid)));
      await quarrel.close();
    },
    60_000,
  );

  it('SIGKILL: no process outlives it, and the next start removes what it left', async () => {
    const quarrel = await launchQuarrel(TINY_MODEL);
    await startRun(quarrel);
    await new Promise((resolve) => setTimeout(resolve, 500 + random.uniform() * RUN_MS));
    const processes = await processesOf(quarrel);
    const main = quarrel.app.process();
    main.kill('SIGKILL');
    await ended(main);
    await until('the end of every process', () => processes.every((pid) => !lives(pid)));
    expect(leftovers(quarrel.folder)).not.toEqual([]);
    const next = await launchIn(quarrel.folder);
    await next.page.getByRole('heading', { level: 1 }).waitFor();
    expect(leftovers(quarrel.folder)).toEqual([]);
    await next.close();
  }, 60_000);
});
