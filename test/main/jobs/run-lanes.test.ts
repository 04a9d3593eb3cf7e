import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { JobEngines } from '../../../src/main/jobs/job-runner';
import { createJobRunner } from '../../../src/main/jobs/job-runner';
import { defined } from '../../../src/shared/base/assert';
import { Control } from '../../../src/shared/base/control';
import { QuarrelError } from '../../../src/shared/base/errors';
import type { RunSummary } from '../../../src/shared/compare/comparison';
import { tinyModelPath } from '../../helpers/shared-files';
import { runFolders } from '../../helpers/temporary-folders';

const noGpu = (): Promise<never> => Promise.reject(new QuarrelError('no WebGPU adapter on this machine'));
const engines: JobEngines = { webgpuLane: noGpu, decodeOnDevice: noGpu };
const runner = createJobRunner(engines);
const modelPath = tinyModelPath();
const control = (): Control => new Control(() => undefined);
let steps: readonly RunSummary[];
let summary: RunSummary;

beforeAll(async () => {
  steps = await runner.run(
    'runLanes',
    {
      modelPath,
      prompt: { kind: 'prompt', text: 'The capital of France is' },
      lanes: ['llama', 'reference', 'webgpu'],
      steps: 2,
    },
    control(),
  );
  summary = defined(steps[0], 'the prompt');
}, 60_000);
afterAll(() => runner.dispose());

describe('runLanes', () => {
  it('compares every node with lane 0 and keeps graph order', () => {
    expect(summary.lanes.map((l) => l.label)).toEqual(['llama', 'reference', 'webgpu']);
    expect(summary.pieces.join('')).toContain('France');
    expect(summary.nodes[0]?.key).toBe('embd');
    expect(summary.nodes.at(-1)?.key).toBe('result_output');
    const worst = summary.nodes.map((n) => (n.lanes[1]?.status === 'measured' ? n.lanes[1].metrics?.nmse : undefined));
    expect(worst).not.toContain(undefined);
    expect(Math.max(...worst.map(Number))).toBeLessThan(1e-2);
    expect(Math.max(...worst.map(Number))).toBeGreaterThan(0);
    const q = summary.nodes.find((n) => n.key === 'Qcur-1#0');
    expect(q).toMatchObject({ layer: 1, kind: 'MUL_MAT', weight: 'blk.1.attn_q.weight' });
    expect(q?.lanes[0]).toMatchObject({ status: 'measured' });
    expect(q?.lanes[0]).not.toHaveProperty('metrics');
  });

  it("keeps one lane's failure to that lane and never shows it as equal", () => {
    expect(summary.lanes[2]?.error).toBe('no WebGPU adapter on this machine');
    for (const node of summary.nodes) {
      expect(node.lanes[2]).toEqual({ status: 'not-measured', reason: 'no WebGPU adapter on this machine' });
    }
  });

  it('goes on with decode steps, each with a graph of its own on the states before', async () => {
    expect(steps.map((s) => [s.step, s.tokens.length])).toEqual([
      [0, 5],
      [1, 1],
      [2, 1],
    ]);
    for (const [i, s] of steps.entries()) {
      if (i > 0) expect(s.tokens).toEqual([steps[i - 1]!.lanes[0]!.top[0]!.token]);
      const last = s.nodes.at(-1)!;
      expect(last.ne[1]).toBe(s.tokens.length);
      const own = last.lanes[1]!;
      expect(own.status === 'measured' && own.metrics!.nmse).toBeLessThan(5e-3);
    }
    const detail = await runner.run('nodeDetail', { runId: summary.runId, step: 2, key: 'ffn_out-2' }, control());
    expect(detail.row.ne[1]).toBe(1);
    await expect(runner.run('nodeDetail', { runId: summary.runId, step: 3, key: 'embd' }, control())).rejects.toThrow(
      /step 3 of a run of 3/,
    );
  });

  it('ranks the next token on each lane with its text', () => {
    const [llama, reference] = summary.lanes;
    expect(llama?.top).toHaveLength(5);
    expect(llama?.top[0]?.text).toBeTypeOf('string');
    expect(reference?.kld).toBeGreaterThanOrEqual(0);
    expect(reference?.kld).toBeLessThan(0.05);
    expect(llama?.kld).toBeUndefined();
  });

  it('gives one checkpoint in depth: shared bins, largest differences first', async () => {
    const detail = await runner.run('nodeDetail', { runId: summary.runId, step: 0, key: 'ffn_out-2' }, control());
    const elements = detail.row.ne.reduce((a, b) => a * b, 1);
    expect(detail.histograms.map((h) => h.label)).toEqual(['llama', 'reference']);
    for (const { counts } of detail.histograms) expect(counts.reduce((a, b) => a + b, 0)).toBe(elements);
    const sizes = detail.largest[1]!.map((w) => Math.abs(w.candidate - w.reference));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    expect(detail.row.lanes[1]).toMatchObject({ metrics: { worst: detail.largest[1]![0] } });
  });

  it('refuses an unknown node, a closed run and a first lane that is no llama', async () => {
    const { runId } = summary;
    await expect(runner.run('nodeDetail', { runId, step: 0, key: 'nope-9' }, control())).rejects.toThrow(
      /no node nope-9/,
    );
    await expect(runner.run('nodeDetail', { runId: '77', step: 0, key: 'embd' }, control())).rejects.toThrow(
      /run 77 was closed/,
    );
    const request = { modelPath, prompt: { kind: 'tokens', tokens: [1] } as const, lanes: ['reference'] };
    await expect(runner.run('runLanes', request, control())).rejects.toThrow(/a llama lane is expected/);
  });

  it('deletes the traces of a closed run', async () => {
    const request = { modelPath, prompt: { kind: 'tokens', tokens: [1, 2] } as const, lanes: ['llama'] };
    const [run] = await runner.run('runLanes', request, control());
    const { runId } = defined(run, 'the prompt');
    const before = runFolders();
    await runner.run('closeRun', { runId }, control());
    expect(runFolders()).toHaveLength(before.length - 1);
  });
});
