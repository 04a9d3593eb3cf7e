import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeEngines } from '../../../src/main/cli/engines';
import type { ReplayReport } from '../../../src/main/repro/replay-repro';
import { replayRepro } from '../../../src/main/repro/replay-repro';
import { runCli } from '../../helpers/run-cli';
import { tinyModelPath } from '../../helpers/shared-files';
import { PLANTED_BUGS } from '../../planted-bugs/planted-bugs';
import { control, reproOf } from './repro-fixture';

let root: string;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'repro-gpu-test-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

/** Exports the first bad node of a planted bug. */
async function exported(name: string, steps = 0): Promise<string> {
  const bug = PLANTED_BUGS.find((b) => b.name === name)!;
  const folder = path.join(root, name);
  const candidate = `webgpu@${bug.folder}`;
  const verdict = await reproOf(folder, { modelPath: tinyModelPath(), candidate, steps }, nodeEngines);
  expect(verdict.firstBad?.node).toBe(bug.first['quarrel-tiny.gguf']);
  return folder;
}

const replay = (folder: string, candidate?: string): Promise<ReplayReport> =>
  replayRepro({ folder, ...(candidate === undefined ? {} : { candidate }) }, nodeEngines, control());

describe('a repro of wrong kernels', () => {
  it('carries them along: a copy gives the same wrong numbers in another process, until they are mended', async () => {
    const folder = await exported('mul-mat-one-layer-rows');
    const copy = path.join(root, 'elsewhere', 'copy');
    fs.cpSync(folder, copy, { recursive: true });
    fs.rmSync(folder, { recursive: true });
    const run = await runCli(['replay', copy, '--json']);
    expect(run.code).toBe(1);
    const report = JSON.parse(run.stdout) as ReplayReport;
    expect(report).toMatchObject({ node: 'ffn_gate-3', op: 'MUL_MAT', wrong: true, rightNmse: 0, apart: 0 });
    expect(report.by).toEqual({ kind: 'lane', name: `webgpu@${path.join(copy, 'shaders')}` });
    expect(report.worst.replayed).toBe(report.worst.dumped);
    expect(await replay(copy, 'webgpu')).toMatchObject({ wrong: false, by: { kind: 'lane', name: 'webgpu' } });
    // mended where they lie: without its overlay the folder runs on this checkout's kernels
    fs.rmSync(path.join(copy, 'shaders'), { recursive: true });
    expect(await replay(copy)).toMatchObject({ wrong: false });
  }, 120_000);

  it('of a decode step begins with the cache as it was', async () => {
    const folder = await exported('cache-row-of-one-token', 1);
    expect(await replay(folder)).toMatchObject({ node: 'kq-0', wrong: true, apart: 0 });
    expect(await replay(folder, 'webgpu')).toMatchObject({ wrong: false });
    expect(await replay(folder, 'reference')).toMatchObject({ wrong: false });
  }, 120_000);
});
