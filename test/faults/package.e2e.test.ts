import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { electronFlags } from '../../build/electron-flags.mjs';
import type { Environment } from '../../build/environment.mjs';
import { readEnvironment } from '../../build/environment.mjs';
import { makePackage } from '../../build/package.mjs';
import { readFuses } from '../../build/package/fuses.mjs';
import { TINY_MODEL } from '../e2e/quarrel-app';
import { ended, until } from './window-under-fire';

// The package is 300 MB of copies: with the long tests only.
describe.skipIf(process.env['QUARREL_FULL'] !== '1' || process.platform !== 'linux')('the packaged app', () => {
  let folder: string;
  let executable: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'quarrel-package-'));
    executable = await makePackage(readEnvironment() as Environment, join(folder, 'app'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has every fuse set that its Electron has', async () => {
    expect(await readFuses(executable)).toMatchObject({
      RunAsNode: false,
      EnableNodeOptionsEnvironmentVariable: false,
      EnableNodeCliInspectArguments: false,
      EnableEmbeddedAsarIntegrityValidation: true,
      OnlyLoadAppFromAsar: true,
    });
  });

  it('carries its profile for AppArmor, and pages in the archive alone', () => {
    const root = dirname(executable);
    expect(existsSync(join(root, 'apparmor-quarrel'))).toBe(true);
    expect(existsSync(join(root, 'resources', 'app.asar.unpacked', 'out', 'renderer'))).toBe(false);
  });

  it('does not run as Node', () => {
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', DISPLAY: '' };
    const { stdout } = spawnSync(executable, ['-e', 'console.log("ran as Node")'], {
      env,
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(stdout).not.toContain('ran as Node');
  });

  it('runs all lanes: llama.cpp out of the archive, its own kernels in the GPU window', async () => {
    const args = [...electronFlags(), `--user-data-dir=${join(folder, 'user')}`, '--remote-debugging-pipe', TINY_MODEL];
    const app = spawn(executable, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    try {
      const inPage = await devTools(app);
      const press = `[...document.querySelectorAll('button:enabled')].find((b) => b.textContent.trim() === 'Run lanes')`;
      await until('the model', () => inPage(`${press} !== undefined && (${press}.click(), true)`));
      const lanes = await until('the timeline', () =>
        inPage(`document.querySelector('.timeline-view') && document.querySelector('.labels').innerText`),
      );
      expect(lanes).toMatch(/llama.*reference.*webgpu/s);
      expect(lanes).not.toContain('did not run');
    } finally {
      app.kill('SIGTERM');
      await ended(app);
    }
  });
});

interface ProtocolAnswer {
  readonly id?: number;
  readonly result?: {
    readonly targetInfos?: readonly { readonly targetId: string; readonly url: string }[];
    readonly sessionId?: string;
    readonly result?: { readonly value?: unknown };
  };
}

/**
 * Evaluates in the UI page over Chromium's pipe: Playwright drives Electron through Node's inspector, which a package has
 * not.
 */
async function devTools(app: ChildProcess): Promise<(expression: string) => Promise<unknown>> {
  const [, , , input, output] = app.stdio as unknown as readonly [null, null, null, Writable, Readable];
  const waiting = new Map<number, (answer: ProtocolAnswer) => void>();
  let text = '';
  output.setEncoding('utf8').on('data', (chunk: string) => {
    const messages = (text + chunk).split('\0');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const answer = JSON.parse(message) as ProtocolAnswer;
      if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
    }
  });
  let id = 0;
  const send = (method: string, params: object, sessionId?: string): Promise<ProtocolAnswer> =>
    new Promise((resolve) => {
      waiting.set(++id, resolve);
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  const targetId = await until('the page', async () => {
    const { result } = await send('Target.getTargets', {});
    return result?.targetInfos?.find(({ url }) => url.startsWith('quarrel://app/'))?.targetId;
  });
  const { result } = await send('Target.attachToTarget', { targetId, flatten: true });
  const sessionId = result?.sessionId;
  return async (expression) => {
    const answer = await send('Runtime.evaluate', { expression, returnByValue: true }, sessionId);
    return answer.result?.result?.value;
  };
}
