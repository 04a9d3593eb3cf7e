import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { WorkerServices } from '../../../src/main/ipc/job-service';
import { JobService } from '../../../src/main/ipc/job-service';
import { startNodeFile, startNodeProgram } from '../../../src/main/processes/node-program';
import type { Program, ProgramListener } from '../../../src/main/processes/program';
import { CancelledError, QuarrelError } from '../../../src/shared/base/errors';
import { tinyModelPath } from '../../helpers/shared-files';

const model = tinyModelPath();
const quiet = (): void => undefined;

const disposers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const dispose of disposers.splice(0)) await dispose();
});

type StartWorker = (listener: ProgramListener) => Program;

const realWorker: StartWorker = (listener) => startNodeProgram('job-worker', process.env, listener);

function service(startWorker = realWorker, receive: WorkerServices['receive'] = quiet, graceMs?: number): JobService {
  const jobs = new JobService(startWorker, { receive, workerGone: () => Promise.resolve() }, graceMs);
  disposers.push(() => jobs.dispose());
  return jobs;
}

/** A worker that misbehaves as no job of ours should. */
function badWorker(source: string): StartWorker {
  const folder = mkdtempSync(join(tmpdir(), 'quarrel-worker-'));
  disposers.unshift(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'worker.cjs');
  writeFileSync(path, source);
  return (listener) => startNodeFile(path, process.env, listener);
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
    const jobs = service(undefined, (request, answer) => {
      if (request.kind !== 'gpu') return;
      const failure = { kind: 'failed', message: 'no adapter here' } as const;
      answer({ kind: 'gpu', event: { kind: 'failed', id: request.message.id, failure } });
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
    const jobs = service(badWorker(`process.on('message', () => { console.error('out of luck'); process.exit(3); });`));
    for (let i = 0; i < 2; i++) {
      const failure: unknown = await jobs.start('inspect', { modelPath: model }, quiet).answer.catch((e: unknown) => e);
      expect(failure).toBeInstanceOf(QuarrelError);
      expect((failure as QuarrelError).message).toBe('The job worker ended with code 3 while it ran inspect');
      expect((failure as QuarrelError).detail).toBe('out of luck');
    }
  });

  it('stops a worker that does not heed a cancel', async () => {
    const jobs = service(badWorker(`process.on('message', () => { for (;;); });`), quiet, 200);
    const job = jobs.start('inspect', { modelPath: model }, quiet);
    job.cancel();
    await expect(job.answer).rejects.toThrow(CancelledError);
  });

  it('is not held up by a worker that does not end: quitting takes seconds at most', async () => {
    const jobs = service(badWorker(`process.on('SIGTERM', () => {}); process.on('message', () => { for (;;); });`));
    const job = jobs.start('inspect', { modelPath: model }, quiet);
    const startedAt = performance.now();
    await Promise.all([jobs.dispose(), expect(job.answer).rejects.toThrow(CancelledError)]);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('says that the app is not built', async () => {
    const jobs = service(() => {
      throw new QuarrelError('bundle job-worker.cjs is missing');
    });
    await expect(jobs.start('inspect', { modelPath: model }, quiet).answer).rejects.toThrow('is missing');
  });
});
