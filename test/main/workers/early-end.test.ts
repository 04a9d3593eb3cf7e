import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../../src/main/entry-path';
import { endThread } from '../../../src/main/workers/end-thread';
import { WorkerPool } from '../../../src/main/workers/worker-pool';
import type { ThreadOwner } from './early-end';

/** A thread that never ends is a failure, too; a busy machine is none. */
const TIMEOUT_MS = 60_000;

/** What a child process says that runs `endEarly`: nothing, unless it crashes. */
function endEarly(owner: ThreadOwner): Promise<{ error: Error | null; stderr: string }> {
  const source = `
    import { runnerImport } from 'vite';
    const { module } = await runnerImport('./test/main/workers/early-end.ts', { configFile: false, logLevel: 'error' });
    await module.endEarly('${owner}');`;
  const slow = ['--require', join(import.meta.dirname, 'slow-koffi.cjs')];
  return new Promise((resolve) => {
    const args = [...slow, '--input-type=module', '--eval', source];
    execFile(process.execPath, args, { cwd: projectRoot(), timeout: TIMEOUT_MS }, (error, _stdout, stderr) =>
      resolve({ error, stderr }),
    );
  });
}

describe('threads that are ended while koffi initialises in them', () => {
  it.each<ThreadOwner>(['decode', 'verify', 'reference', 'bench'])(
    '%s: do not take the process along',
    async (owner) => {
      expect(await endEarly(owner)).toEqual({ error: null, stderr: '' });
    },
    2 * TIMEOUT_MS,
  );
});

describe('threads that fail while they load', () => {
  it('fail the tasks of a pool, and can be disposed', async () => {
    const pool = new WorkerPool('decode-worker', 3, undefined); // it wants a model
    const outcomes = await Promise.allSettled([1, 2, 3, 4, 5].map((task) => pool.run(task)));
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'TypeError' } });
    await pool.dispose();
  });

  it('can be disposed before they do', async () => {
    const idle = new WorkerPool('decode-worker', 1, undefined);
    await idle.dispose();
    const failing = new Worker('throw new Error("no luck")', { eval: true });
    await endThread(failing);
    await endThread(failing);
  });
});
