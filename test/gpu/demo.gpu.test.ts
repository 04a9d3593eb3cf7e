import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGallery } from '../../src/main/gallery/gallery';
import type { DemoReport, LaneSaid } from '../../src/main/jobs/demo';
import { defined } from '../../src/shared/base/assert';
import { runCli } from '../helpers/run-cli';

/** Milliseconds for a demo, which promises 60 s on 2 cores, and replays of what it found. */
const SLOW = 180_000;
/** Another bug takes as long again; the wizard finds all of them in webgpu.gpu.test.ts. */
const isFull = process.env['QUARREL_FULL'] === '1';

const said = (lane: LaneSaid | undefined): (string | undefined)[] => (lane?.says ?? []).map(({ text }) => text);

describe('quarrel demo', { timeout: SLOW }, () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'demo-test-'));
  });
  afterAll(() => {
    fs.rmSync(folder, { recursive: true });
  });

  it('plants the first bug of the gallery, finds it, and leaves what replays it', async () => {
    const target = path.join(folder, 'first');
    const { code, stdout, stderr } = await runCli(['demo', '--report', target]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^llama on Q4_K_M …$/m);
    const bug = defined(readGallery()[0], 'a bug');
    const { node, cause } = bug.expected;
    for (const lane of ['llama', 'reference', 'webgpu']) {
      expect(stdout).toMatch(new RegExp(`^   ${lane} +Q4_K_M +" Paris" `, 'm'));
    }
    expect(stdout).toContain(bug.story);
    expect(stdout).toMatch(/^ +webgpu@resources\/gallery\/\S+ +Q4_K_M +(?!" Paris")/m);
    expect(stdout).toMatch(/^ +webgpu@resources\/gallery\/\S+ +F16 +" Paris" /m);
    expect(stdout).toContain('quantized weights are read wrongly');
    expect(stdout.match(/^ +\d {2}l_out-\d +\S+ +\S+ +\S+ +\S+$/gm)).toHaveLength(8);
    expect(stdout).toContain(`first bad node ${node}\n`);
    expect(stdout).toMatch(/^ {2}effect {2}this bug, at \d+ nodes, turns " Paris" into " Mauritania" \(KLD 1\d\)$/m);
    expect(stdout).toMatch(/^ {10}this node alone changes no answer \(KLD \S+; " Paris" stays\)$/m);
    expect(stdout).toMatch(new RegExp(`^FOUND  ${node}, ${cause}: what was planted, in [\\d.]+ s$`, 'm'));
    expect(fs.readFileSync(path.join(target, 'verdict.html'), 'utf8')).toContain(node);
    expect(stdout).toContain(`quarrel replay ${target}/repro --candidate webgpu`);
    expect((await runCli(['replay', path.join(target, 'repro')])).code).toBe(1);
    expect((await runCli(['replay', path.join(target, 'repro'), '--candidate', 'webgpu'])).code).toBe(0);
  });

  it.runIf(isFull)('finds a bug that shows in a decode step only', async () => {
    const target = path.join(folder, 'decode');
    const args = ['demo', '--bug', 'cache-row-of-one-token', '--report', target, '--json'];
    const { code, stdout } = await runCli(args);
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as DemoReport;
    expect(report).toMatchObject({ schema: 'quarrel.demo/1', found: true, verdict: { verdict: 'diverged' } });
    expect(report.verdict.firstBad).toMatchObject({ step: 1, node: report.bug.expected.node });
    expect(report.verdict.cause?.id).toBe('cache-write');
    // After the prompt all say the same; what the broken cache leads to shows one token later.
    const [llama, ...others] = report.right.map(said);
    expect(llama).toEqual([' Paris', '.']);
    for (const lane of others) expect(lane).toEqual(llama);
    expect(report.planted.map((lane) => said(lane)[0])).toEqual([' Paris', ' Paris']);
    const inLayers = report.layers.filter(({ layer }) => layer !== null);
    expect(inLayers.map(({ node }) => node)).toEqual(Array.from({ length: 8 }, (_, i) => `step1/l_out-${i}`));
    for (const { right, planted } of inLayers) {
      expect(planted?.nmse).toBeGreaterThan(10 * defined(right?.nmse, 'right'));
    }
    expect(fs.readdirSync(target)).toEqual(expect.arrayContaining(['repro', 'verdict.html', 'llama.safetensors']));
  });
});
