import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { entryPath } from '../../../src/main/entry-path';
import { JobService } from '../../../src/main/ipc/job-service';
import { CancelledError, QuarrelError } from '../../../src/shared/base/errors';
import type { GpuEvent, GpuMessage } from '../../../src/shared/ipc/gpu-window';
import { tinyModelPath } from '../../helpers/shared-files';

const model = tinyModelPath();
const quiet = (): void => undefined;

const disposers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const dispose of disposers.splice(0)) await dispose();
});

function service(
  workerPath = (): string => entryPath('job-worker'),
  onGpuPort: (port: MessagePort) => void = quiet,
  cancelGraceMs?: number,
): JobService {
  const jobs = new JobService(workerPath, onGpuPort, cancelGraceMs);
  disposers.push(() => jobs.dispose());
  return jobs;
}

/** A worker script that misbehaves as no job of ours should. */
function badWorker(source: string): () => string {
  const folder = mkdtempSync(join(tmpdir(), 'quarrel-worker-'));
  disposers.unshift(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'worker.cjs');
  writeFileSync(path, `const { parentPort } = require('node:worker_threads');\n${source}`);
  return () => path;
}

describe('JobService with the real job worker', () => {
  it('answers a job', async () => {
    const report = await service().start('inspect', { modelPath: model }, quiet).answer;
    expect(report.totals.layers).toBe(6);
  });

  it('passes an expected failure on as one', async () => {
    const { answer } = service().start('inspect', { modelPath: `${model}.missing` }, quiet);
    await expect(answer).rejects.toThrow(QuarrelError);
    await expect(answer).rejects.toThrow(/quarrel-tiny\.gguf\.missing/);
  });

  it('cancels', async () => {
    const progress: string[] = [];
    const job = service().start(
      'runLanes',
      { modelPath: model, prompt: { kind: 'prompt', text: 'The capital' }, lanes: ['llama', 'reference'] },
      (p) => {
        progress.push(p.stage);
        job.cancel();
      },
    );
    await expect(job.answer).rejects.toThrow(CancelledError);
    expect(progress.length).toBeGreaterThan(0);
  });

  it('lets the worker reach the GPU window, and its failures come back as the lane’s own', async () => {
    const jobs = service(undefined, (port) => {
      port.on('message', (message: GpuMessage) => {
        const failure = { kind: 'failed', message: 'no adapter here' } as const;
        port.postMessage({ kind: 'failed', id: message.id, failure } satisfies GpuEvent);
      });
    });
    const [run] = await jobs.start(
      'runLanes',
      { modelPath: model, prompt: { kind: 'tokens', tokens: [1, 2, 3] }, lanes: ['llama', 'webgpu'] },
      quiet,
    ).answer;
    expect(run?.lanes[1]?.error).toBe('no adapter here');
    expect(run?.nodes[0]?.lanes[0]?.status).toBe('measured');
    expect(run?.nodes[0]?.lanes[1]).toEqual({ status: 'not-measured', reason: 'no adapter here' });
  });
});

describe('JobService with a worker that fails', () => {
  it('fails the running jobs with what the worker said last, and starts a new one for the next', async () => {
    const jobs = service(
      badWorker(`parentPort.on('message', () => { console.error('out of luck'); process.exit(3); });`),
    );
    for (let i = 0; i < 2; i++) {
      const failure: unknown = await jobs.start('inspect', { modelPath: model }, quiet).answer.catch((e: unknown) => e);
      expect(failure).toBeInstanceOf(QuarrelError);
      expect((failure as QuarrelError).message).toBe('The job worker stopped (exit code 3) while it ran inspect');
      expect((failure as QuarrelError).detail).toBe('out of luck');
    }
  });

  it('stops a worker that does not heed a cancel', async () => {
    // Short for this worker only: on a busy machine the real one needs longer, and the process may die with it in koffi.
    const jobs = service(badWorker(`parentPort.on('message', () => { for (;;); });`), quiet, 200);
    const job = jobs.start('inspect', { modelPath: model }, quiet);
    job.cancel();
    await expect(job.answer).rejects.toThrow(CancelledError);
  });

  it('says that the app is not built', async () => {
    const jobs = service(() => {
      throw new QuarrelError('bundle job-worker.cjs is missing');
    });
    await expect(jobs.start('inspect', { modelPath: model }, quiet).answer).rejects.toThrow('is missing');
  });
});
