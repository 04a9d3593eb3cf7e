/** Child process of early-end.test.ts: ends threads of every kind while they load. */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { setEnvironmentData } from 'node:worker_threads';
import { BenchThreads } from '../../../src/main/bench/bench-threads';
import { DecodeMemory } from '../../../src/main/dequant/decode-memory';
import { projectRoot } from '../../../src/main/entry-path';
import { openModel } from '../../../src/main/files/model-file';
import { WorkerEngine } from '../../../src/main/lanes/reference-engine';
import { VerifyPool } from '../../../src/main/verify/verify-pool';
import { DecodePool } from '../../../src/main/workers/decode-pool';
import { repeatedColumns } from '../../../src/shared/ops/mat-mul-columns';
import { Memory } from '../../../src/shared/ops/memory';
import { contiguousStrides } from '../../../src/shared/ops/tensor-shape';

const THREADS = 4;
const ROUNDS = 3;
const TENSOR = 'output_norm.weight';
const model = openModel(join(projectRoot(), 'test', 'fixtures', 'quarrel-tiny.gguf'));

/** Shared with slow-koffi.cjs: threads that have begun to initialise koffi, and 1 when they may finish. */
const state = new Int32Array(new SharedArrayBuffer(8));
setEnvironmentData('slow-koffi', state);

function mayFinish(yes: boolean): void {
  Atomics.store(state, 1, yes ? 1 : 0);
}

interface Threads {
  dispose(): Promise<void>;
}

/** A pool's first thread has loaded and answers everything, while the threads that were started for the rest load. */
async function startAll(run: () => Promise<unknown>): Promise<void> {
  mayFinish(true);
  await run();
  mayFinish(false);
  await Promise.all(Array.from({ length: THREADS }, run));
}

/** Each starts THREADS threads. */
const start = {
  async decode() {
    const pool = new DecodePool(model, THREADS);
    await startAll(() => pool.decodeRows(TENSOR, 0, 1));
    return pool;
  },

  async verify() {
    const pool = new VerifyPool(model, THREADS);
    const task = { tensor: TENSOR, runs: [0], values: 32, judge: 'scalar', lanes: [] } as const;
    await startAll(() => pool.check(task));
    return pool;
  },

  reference() {
    const engine = new WorkerEngine({ weights: undefined, threads: THREADS });
    const ne = [1024, 600, 1, 1] as const;
    const columns = new Float64Array(engine.allocate(1024 * 8));
    const sets = [{ length: 1024, columns, out: new Float32Array(engine.allocate(600 * 4)) }];
    const nb = contiguousStrides('F32', ne);
    const pairs = repeatedColumns(ne, [1024, 1, 1, 1], engine.allocate);
    const job = { type: 'F32', ne, nb, offset: 0, pairs, sets } as const;
    const memory = Memory.zeros(1024 * 600 * 4, engine.allocate);
    // A cancelled job: nobody waits for the product any more.
    engine.multiply(job, { kind: 'memory', memory }).catch(() => undefined);
    return engine;
  },

  bench() {
    return new BenchThreads(THREADS, new DecodeMemory().handle());
  },
} satisfies Record<string, () => Threads | Promise<Threads>>;

export type ThreadOwner = keyof typeof start;

export async function endEarly(owner: ThreadOwner): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    state.fill(0);
    const threads = await start[owner]();
    while (Atomics.load(state, 0) < THREADS) await wait(1);
    mayFinish(true);
    await threads.dispose();
  }
  model.dispose();
}
