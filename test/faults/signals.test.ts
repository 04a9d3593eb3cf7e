/** Processes of the command line killed at seeded moments: nothing is left, and the exit code says what happened. */
import fs from 'node:fs';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { seededRandom } from '../../src/shared/base/random';
import { tinyModelPath } from '../helpers/shared-files';
import { wait, World } from './fault-run';
import { copyModel, TOKENS } from './wrong-dump';

const FULL = process.env['QUARREL_FULL'] === '1';
/** Moments per signal. */
const MOMENTS = FULL ? 25 : 2;
/** A run of the tiny model takes a little longer. */
const SPAN_MS = 1600;
/** A second for us, the rest for a machine that others use, too. */
const SOON_MS = 4000;

const model = tinyModelPath();
const tokens = ['--tokens', TOKENS.join()];
const bisect = ['bisect', model, ...tokens, '--candidate', 'reference'];

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

/** The same on every machine: a moment that failed once can be tried again. */
function moments(seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: MOMENTS }, () => Math.round(50 + random.uniform() * SPAN_MS));
}

async function nextStart(): Promise<void> {
  expect((await world.run(['inspect', model])).code).toBe(0);
}

describe.skipIf(process.platform === 'win32')('the command line', () => {
  const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  const cases = Object.entries(CODES).flatMap(([signal, code], i) =>
    moments(i + 1).map((ms) => [signal as keyof typeof CODES, ms, code] as const),
  );
  it.each(cases)('cleans up after %s at %i ms', async (signal, ms, code) => {
    const run = world.start([...bisect, '--report', world.at('r.json')]);
    await wait(ms);
    run.send(signal);
    const end = await run.end;
    // Before Node has come so far as to listen, the signal ends it; after the verdict it comes too late.
    expect([code, 0]).toContain(end.code);
    expect(end.afterSignalMs).toBeLessThan(SOON_MS);
    expect(world.left('r.json')).toEqual([]);
    expect(await world.quiet()).toEqual([]);
  });

  it.each(moments(7))('leaves after kill -9 at %i ms what the next start sweeps', async (ms) => {
    const out = ['--out', world.at('t.safetensors')];
    const runs = [world.start(bisect), world.start(['trace', model, ...tokens, '--lane', 'reference', ...out])];
    await wait(ms);
    for (const run of runs) run.send('SIGKILL');
    for (const run of runs) expect([137, 0]).toContain((await run.end).code);
    expect(await world.quiet()).toEqual([]);
    await nextStart();
    expect(world.left('t.safetensors')).toEqual([]);
  });

  it('ends at once with the second Ctrl-C', async () => {
    const run = world.start(bisect);
    await run.says('reference');
    run.send('SIGINT');
    await wait(320);
    run.send('SIGINT');
    const end = await run.end;
    expect(end.code).toBe(130);
    expect(await world.quiet()).toEqual([]);
    expect(world.left()).toEqual([]);
  });

  it.each([
    ['an error that nobody catches', "throw new Error('planted')"],
    ['a promise that nobody awaits', "void Promise.reject(new Error('planted'))"],
  ])('takes %s for no difference found', async (_how, statement) => {
    const script = path.join(world.root, 'planted.cjs');
    // In the command line alone: its children and threads are nobody's witnesses.
    fs.writeFileSync(
      script,
      `if (process.argv.includes('bisect') && require('worker_threads').isMainThread)
         setInterval(() => { if (require('fs').readdirSync(process.env.TMPDIR).length > 0) { ${statement}; } }, 50);`,
    );
    const end = await world.run(bisect, { env: { NODE_OPTIONS: `--require=${script}` } });
    expect(end).toMatchObject({ code: 2, stdout: '' });
    expect(end.stderr).toMatch(/^quarrel: this is a bug in Quarrel: planted/m);
    expect(world.left()).toEqual([]);
    expect(await world.quiet()).toEqual([]);
  });

  it('tells the cases that a cancelled suite finished, as JSON and JUnit', async () => {
    const file = path.join(world.root, 's.json');
    const [prompts, junit] = [{ tokens: TOKENS }, world.at('j.xml')];
    const candidates = ['a', 'b', 'c', 'd'].map((name) => ({ name, lane: 'reference' }));
    fs.writeFileSync(file, JSON.stringify({ schema: 'quarrel.suite/1', models: model, prompts, candidates }));
    const run = world.start(['suite', file, '--json', '--junit', junit]);
    await run.says('case 2 of 4');
    run.send('SIGINT');
    const { code, stdout } = await run.end;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ passed: 1, notRun: 3, cases: [{ candidate: 'a', verdict: 'clean' }] });
    expect(fs.readFileSync(junit, 'utf8')).toMatch(/tests="4" failures="0" errors="0" skipped="3"/);
    expect(world.left('j.xml')).toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('a child of the command line', () => {
  it.each(moments(11))('killed at %i ms: the capture child', async (ms) => {
    const run = world.start(bisect);
    await wait(ms);
    const child = world.processes().find(({ command }) => command.includes('capture-child'));
    if (child) process.kill(child.pid, 'SIGKILL');
    const { code, stderr } = await run.end;
    if (code !== 0)
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(/was killed by SIGKILL/) });
    expect(world.left()).toEqual([]);
    expect(await world.quiet()).toEqual([]);
  });

  const PROGRAM = 'cmd:sh -c "sleep 30 & echo on; sleep 30" {out}';
  it.each<[NodeJS.Signals, number]>([
    ['SIGKILL', 137],
    ['SIGTERM', 143],
  ])('a cmd: program and its own child go with a command line that gets %s', async (signal, code) => {
    const run = world.start(['bisect', model, ...tokens, '--candidate', PROGRAM]);
    await run.says('run 1');
    await wait(300);
    expect(world.processes().filter((p) => p.command.startsWith('sleep 30')).length).toBeGreaterThan(0);
    run.send(signal);
    expect((await run.end).code).toBe(code);
    expect(await world.quiet()).toEqual([]);
    await nextStart();
    expect(world.left()).toEqual([]);
  });

  it('killed: a cmd: program, whose end is told', async () => {
    const run = world.start(['bisect', model, ...tokens, '--candidate', PROGRAM]);
    await run.says('run 1');
    await wait(300);
    const program = world.processes().find((p) => p.command.startsWith('sh -c'));
    process.kill(program?.pid ?? 0, 'SIGKILL');
    const { code, stderr } = await run.end;
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(/sh was killed by SIGKILL/) });
    expect(await world.quiet()).toEqual([]);
    expect(world.left()).toEqual([]);
  });
});

describe('a model', () => {
  it.each(moments(13))('that is overwritten at %i ms makes no difference found', async (ms) => {
    const copy = copyModel(world.root);
    const run = world.start(['bisect', copy, ...tokens, '--candidate', 'reference', '--json']);
    await wait(ms);
    const fd = fs.openSync(copy, 'r+');
    const { size } = fs.fstatSync(fd);
    fs.writeSync(fd, new Uint8Array(size / 2).fill(77), 0, size / 2, size / 3);
    fs.closeSync(fd);
    const { code, stdout, stderr } = await run.end;
    // 0: it was over already. Overwritten before it was opened, it is another model, and a damaged one.
    expect([0, 2]).toContain(code);
    if (code === 2 && stdout !== '')
      expect(JSON.parse(stdout)).toMatchObject({ verdict: 'incomparable', firstBad: null });
    if (code === 2 && stdout === '') expect(stderr).toMatch(/^quarrel: .*model\.gguf/m);
    expect(world.left()).toEqual([]);
  });
});
