/** The real app, whose processes are killed while it works. Driven through main: Playwright gives up a page that crashed. */
import type { ChildProcess } from 'node:child_process';
import type { QuarrelWindow } from '../e2e/quarrel-app';

export type Victim = 'llama.cpp' | 'job worker' | 'GPU window' | 'GPU process' | 'UI renderer';
export const VICTIMS: readonly Victim[] = ['llama.cpp', 'job worker', 'GPU window', 'GPU process', 'UI renderer'];

export type Signal = 'SIGKILL' | 'SIGTERM' | 'SIGHUP' | 'SIGINT';
export const SIGNALS: readonly Signal[] = ['SIGKILL', 'SIGTERM', 'SIGHUP', 'SIGINT'];

/** What the window shows. */
export interface Shown {
  readonly busy: boolean;
  readonly notices: readonly string[];
  /** Names of the lanes in the timeline, with why one did not run. */
  readonly lanes: readonly string[];
}

const SHOWN = `({
  busy: [...document.querySelectorAll('button')].some((b) => /^Cancel/.test(b.textContent.trim())),
  notices: [...document.querySelectorAll('.notice .message')].map((n) => n.textContent),
  lanes: [...document.querySelectorAll('.labels .lane')].map((l) => l.textContent.trim() + (l.title ? ': ' + l.title : '')),
})`;

/** Runs a script in the page, whichever it is by now; undefined while there is none. */
export async function inPage<T>({ app }: QuarrelWindow, script: string): Promise<T | undefined> {
  const asked = app.evaluate(async ({ BrowserWindow }, text) => {
    const window = BrowserWindow.getAllWindows().find((w) => w.webContents.getURL().startsWith('quarrel://app/'));
    if (!window || window.webContents.isCrashed() || window.webContents.isLoading()) return undefined;
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 2_000));
    const answer = window.webContents.executeJavaScript(text).catch(() => undefined) as Promise<unknown>;
    return { value: await Promise.race([answer, late]) };
  }, script);
  return (await asked)?.value as T | undefined;
}

export async function press(quarrel: QuarrelWindow, button: string): Promise<void> {
  const click = `(() => {
    const found = [...document.querySelectorAll('button:enabled')].find((b) => (b.ariaLabel ?? b.textContent.trim()) === ${JSON.stringify(button)});
    found?.click();
    return found !== undefined;
  })()`;
  await until(`the button ${button}`, () => inPage<boolean>(quarrel, click));
}

/** Waits until the window shows something of that kind. */
export function shows(quarrel: QuarrelWindow, what: string, is: (shown: Shown) => boolean): Promise<Shown> {
  return until(what, async () => {
    const shown = await inPage<Shown>(quarrel, SHOWN);
    return shown && is(shown) ? shown : undefined;
  });
}

/** Runs the lanes of the run bar; fulfilled as soon as they run. */
export async function startRun(quarrel: QuarrelWindow): Promise<void> {
  await press(quarrel, 'Run lanes');
  await shows(quarrel, 'a run', ({ busy }) => busy);
}

/** Kills a process of the app as soon as there is one, within seconds; its id, or undefined where there never was one. */
export async function strike({ app }: QuarrelWindow, victim: Victim, signal: Signal): Promise<number | undefined> {
  return app.evaluate(
    async ({ app: electron, BrowserWindow }, order) => {
      const find = (): number | undefined => {
        const metrics = electron.getAppMetrics();
        const page = (host: string): number | undefined =>
          BrowserWindow.getAllWindows()
            .find((w) => w.webContents.getURL().startsWith(`quarrel://${host}/`))
            ?.webContents.getOSProcessId();
        switch (order.victim) {
          case 'llama.cpp':
            return metrics.find((m) => m.name === 'Quarrel capture-child')?.pid;
          case 'job worker':
            return metrics.find((m) => m.name === 'Quarrel job-worker')?.pid;
          case 'GPU process':
            return metrics.find((m) => m.type === 'GPU')?.pid;
          case 'GPU window':
            return page('gpu');
          case 'UI renderer':
            return page('app');
        }
      };
      for (let tries = 0; tries < 300; tries++) {
        const pid = find();
        if (pid) {
          process.kill(pid, order.signal);
          return pid;
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return undefined;
    },
    { victim, signal },
  );
}

/** All processes of the app. */
export function processesOf({ app }: QuarrelWindow): Promise<number[]> {
  return app.evaluate(({ app: electron }) => electron.getAppMetrics().map(({ pid }) => pid));
}

export function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Fulfilled with the exit code, null after a signal. */
export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', resolve));
}

export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = performance.now() + 30_000;
  while (performance.now() < end) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited 30 s for ${what}`);
}
