import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { nodeEngines } from '../../../src/main/cli/engines';
import { conformance } from '../../../src/main/jobs/conformance';
import { traceLane } from '../../../src/main/jobs/trace-lane';
import type { TraceFile } from '../../../src/main/traces/trace-file';
import { Control } from '../../../src/shared/base/control';
import { topLogits } from '../../../src/shared/compare/logits';
import { CONFORMANCE_MAX_NMSE, MARGIN } from '../../../src/shared/compare/tolerance';
import type { ConformanceReport } from '../../../src/shared/divergence/conformance';
import { CONFORMANCE_LANES } from '../../../src/shared/divergence/conformance';
import { stepView } from '../../../src/shared/trace/steps';
import { runCli } from '../../helpers/run-cli';
import { tinyModelPath } from '../../helpers/shared-files';
import { ARCH_MODELS, modelTable, SMOLLM2 } from '../../helpers/shared-models';

const full = process.env['QUARREL_FULL'] === '1';
const control = (): Control => new Control(() => undefined);
let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-test-'));
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

/** A folder with these model files. */
function modelsFolder(name: string, files: readonly string[]): string {
  const models = path.join(folder, name);
  fs.mkdirSync(models);
  for (const file of files) fs.copyFileSync(file, path.join(models, path.basename(file)));
  return models;
}

describe('quarrel conformance', () => {
  it('reports the embedded model as JSON and as JUnit, and what is no model as failed', async () => {
    const models = modelsFolder('mixed', [tinyModelPath()]);
    fs.writeFileSync(path.join(models, 'broken.gguf'), 'GGUF, but no more');
    const junit = path.join(folder, 'junit.xml');
    const { code, stdout, stderr } = await runCli([
      ...['conformance', '--models', models, '--tokens', '1,7,300,21,5', '--steps', '1'],
      ...['--junit', junit, '--json'],
    ]);
    expect(code).toBe(1);
    const report = JSON.parse(stdout) as ConformanceReport;
    expect(report).toMatchObject({ schema: 'quarrel.conformance/1', passed: 1, failed: 1 });
    const [broken, tiny] = report.models;
    expect(broken).toMatchObject({ ok: false, captured: false, compared: 0, steps: [] });
    expect(broken?.problems[0]).toMatch(/broken\.gguf/);
    expect(tiny).toMatchObject({ ok: true, captured: true, notMeasured: [], problems: [] });
    expect(tiny?.steps.map((s) => s.tokens.length)).toEqual([5, 1]);
    expect(report.models.map((m) => m.stepsAsked)).toEqual([1, 1]);
    for (const { limit, nmse } of tiny?.steps ?? []) {
      expect(limit).toBeGreaterThanOrEqual(CONFORMANCE_MAX_NMSE);
      for (const lane of CONFORMANCE_LANES) expect(nmse[lane]).toBeLessThanOrEqual(limit);
    }
    for (const lane of CONFORMANCE_LANES) {
      expect(tiny?.nmse[lane]).toBeGreaterThan(0);
      expect(tiny?.nmse[lane]).toBeLessThan(MARGIN.node * tiny!.rounding!);
      expect(tiny?.ops.MUL_MAT?.[lane]).toBeLessThan(MARGIN.node);
    }
    expect(tiny?.ops.MUL_MAT?.nodes).toBeGreaterThan(2 * 6 * 7);
    expect(stderr).toMatch(/^ok {4}quarrel-tiny\.gguf/m);
    const xml = fs.readFileSync(junit, 'utf8');
    expect(xml).toMatch(/<testsuites tests="2" failures="1"/);
    expect(xml).toMatch(/<testcase classname="quarrel conformance" name="quarrel-tiny.gguf" time="[\d.]+"\/>/);
  });

  it('says in one line what is wrong with the folder', async () => {
    const none = await runCli(['conformance', '--models', path.join(folder, 'nowhere')]);
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toMatch(/nowhere: no such folder/);
    const empty = await runCli(['conformance', '--models', modelsFolder('empty', [])]);
    expect(empty.stderr).toMatch(/empty: no model file \(\*\.gguf\) in it/);
  });
});

describe.skipIf(ARCH_MODELS.length === 0)('both lanes against llama.cpp', () => {
  const count = full ? 8 : 1;
  let report: ConformanceReport;
  beforeAll(async () => {
    const models = path.dirname(ARCH_MODELS[0]!);
    const request = { models, tokens: [1, 17, 5, 99, 42, 7], plan: { count }, lanes: CONFORMANCE_LANES };
    report = await conformance(request, nodeEngines, control(), () => undefined);
  }, 600_000);

  it('run every model of the folder', () => {
    expect(report.models.map((m) => m.file)).toEqual(ARCH_MODELS);
    expect(report).toMatchObject({ passed: ARCH_MODELS.length, failed: 0 });
  });

  it.each(modelTable(ARCH_MODELS))('%s: every node, prompt and decode steps', (_name, file) => {
    const model = report.models.find((m) => m.file === file);
    expect(model).toMatchObject({ ok: true, problems: [], notMeasured: [] });
    expect(model?.steps).toHaveLength(count + 1);
    for (const lane of CONFORMANCE_LANES) expect(model?.nmse[lane]).toBeLessThanOrEqual(5e-4);
  });
});

describe.skipIf(!fs.existsSync(SMOLLM2))('SmolLM2, "The capital of France is"', () => {
  /** llama.cpp's own greedy tokens (../shared/README.md); it leaves what f32 engines say at the sixth. */
  const LLAMA = [
    ...[7042, 30, 198, 198, 504, 1797, 1918, 553, 253, 2155, 282, 4723, 216, 35, 33, 33, 2215, 701, 30, 198, 198, 504],
    ...[1797, 1918, 553, 253, 2155, 282, 4723, 216, 35, 33],
  ];
  const PYTORCH_F32 = [
    ...[
      7042, 30, 198, 198, 504, 2988, 314, 42, 216, 34, 32, 33, 40, 29, 32, 33, 29, 34, 34, 216, 33, 34, 42, 33, 34, 42,
    ],
    ...[37, 35, 30, 2, 198, 1],
  ];
  const count = full ? 32 : 7;

  async function trace(lane: 'llama' | 'reference' | 'webgpu', tokens?: readonly number[]): Promise<TraceFile> {
    const out = path.join(folder, `${lane}-${tokens ? 'forced' : 'free'}.safetensors`);
    return traceLane(
      {
        modelPath: SMOLLM2,
        prompt: { kind: 'prompt', text: 'The capital of France is' },
        lane: lane === 'llama' ? { kind: 'llama', device: 'cpu' } : { kind: lane },
        out,
        steps: { count, ...(tokens ? { tokens } : {}) },
      },
      nodeEngines,
      control(),
    );
  }

  it('webgpu generates what PyTorch generates in f32', { timeout: 300_000 }, async () => {
    const t = await trace('webgpu');
    expect(t.stepTokens.flat()).toEqual(PYTORCH_F32.slice(0, count));
    t.dispose();
  });

  it(
    'along llama.cpp’s tokens, lanes choose as it does wherever its choice is clear',
    { timeout: 300_000 },
    async () => {
      const lanes: TraceFile[] = [];
      for (const lane of ['llama', 'reference', 'webgpu'] as const)
        lanes.push(await trace(lane, LLAMA.slice(0, count)));
      let differing = 0;
      for (let step = 0; step <= count; step++) {
        const [llama, ...own] = lanes.map((t) => {
          const values = stepView(t, step).readF32('result_output');
          return topLogits(values.subarray(values.length - values.length / (step === 0 ? t.tokens.length : 1)), 2);
        });
        const gap = llama![0]!.logit - llama![1]!.logit;
        for (const top of own) {
          if (top[0]!.token === llama![0]!.token) continue;
          differing++;
          expect(gap, `step ${step}`).toBeLessThan(0.5);
        }
      }
      expect(differing).toBeLessThanOrEqual(2); // the sixth token, on both lanes
      for (const t of lanes) t.dispose();
    },
  );
});
