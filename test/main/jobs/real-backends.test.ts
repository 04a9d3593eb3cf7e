/** llama.cpp itself, on other backends and with other options than the reference: all of them right, none to be blamed. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { variantNames } from '../../../src/main/capture/cpu-variants';
import { locateLibrary } from '../../../src/main/capture/library-files';
import { projectRoot } from '../../../src/main/entry-path';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import { QuarrelError } from '../../../src/shared/base/errors';
import { Control } from '../../../src/shared/base/control';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import type { PromptSpec } from '../../../src/shared/ipc/jobs';
import { sharedPath, tinyModelPath } from '../../helpers/shared-files';
import { ARCH_MODELS, ENGINE_MODELS, modelTable, SMOLLM2 } from '../../helpers/shared-models';
import { vulkanLibrary } from '../../helpers/vulkan-library';

const isFull = process.env['QUARREL_FULL'] === '1';
const STEPS = isFull ? 4 : 2;
const TIMEOUT_MS = 120_000;

const specimen = (type: string): string =>
  path.join(projectRoot(), 'resources', 'specimen', `quarrel-specimen.${type}.gguf`);
const SPECIMENS = [specimen('Q4_K_M'), specimen('F16')];
const PROMPT: PromptSpec = { kind: 'prompt', text: 'The capital of France is' };
/** For models without a vocabulary. */
const TOKENS: PromptSpec = { kind: 'tokens', tokens: [1, 17, 5, 99, 42, 7] };

const arch = (name: string): string => sharedPath(`models/archs/${name}.Q4_K_M.gguf`);
/** Attention with everything, soft-capping, one KV head, a delta net, a state space. */
const EVERYDAY = ['llama-dense', 'gemma2-dense', 'falcon-dense', 'qwen3next-moe', 'mamba2-dense'].map(arch);
const BARE = isFull ? [...ARCH_MODELS, ...ENGINE_MODELS] : EVERYDAY.filter((file) => ARCH_MODELS.includes(file));
const TRAINED = fs.existsSync(SMOLLM2) ? [SMOLLM2] : [];

const vulkan = vulkanLibrary();
const variants = variantNames(locateLibrary().dir);

function bisect(modelPath: string, candidate: string, steps = STEPS): Promise<Verdict> {
  const prompt = [...ARCH_MODELS, ...ENGINE_MODELS].includes(modelPath) ? TOKENS : PROMPT;
  const engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
  const request = { modelPath, prompt, reference: 'llama', candidate, steps };
  return findFirstBad(request, engines, new Control(() => undefined));
}

function expectClean(verdict: Verdict): void {
  expect(verdict.allBad.map(({ node, step }) => `${step}/${node}`)).toEqual([]);
  expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null, cause: null });
}

describe.skipIf(vulkan === undefined)(
  "llama.cpp's Vulkan backend, on Mesa's software driver where there is no GPU",
  () => {
    const lane = `llama:vulkan@${vulkan}`;

    it.each(modelTable(SPECIMENS))('%s is right, with decode steps', { timeout: TIMEOUT_MS }, async (_name, file) => {
      const verdict = await bisect(file, lane);
      expectClean(verdict);
      // its graph has other numbers and another order, and all of it is matched
      expect(verdict.notMeasured).toEqual([]);
    });

    it.skipIf(TRAINED.length === 0)('SmolLM2 is right', { timeout: TIMEOUT_MS }, async () => {
      expectClean(await bisect(SMOLLM2, lane, isFull ? STEPS : 0));
    });

    it.skipIf(BARE.length === 0).each(modelTable(BARE))('%s is right', { timeout: TIMEOUT_MS }, async (_name, file) => {
      expectClean(await bisect(file, lane));
    });

    it.each(isFull ? ['fa=on', 'ctk=q8_0', 'fa=on,ctk=q8_0,ctv=q8_0'] : ['fa=on'])(
      'the embedded model with %s is right',
      { timeout: TIMEOUT_MS },
      async (options) => {
        expectClean(await bisect(specimen('Q4_K_M'), `${lane},${options}`, 1));
      },
    );
  },
);

describe("llama.cpp's CPU in its other builds", () => {
  const named = variants.length > 0 ? variants : ['(this build has no variants)'];
  it.for(named)('variant=%s is right', { timeout: TIMEOUT_MS }, async (variant, { skip }) => {
    if (variants.length === 0) skip(variant);
    const lane = `llama:cpu,variant=${variant}`;
    const verdict = await bisect(isFull ? specimen('Q4_K_M') : tinyModelPath(), lane, 1).catch((e: unknown) => {
      if (e instanceof QuarrelError && e.message.includes('this machine cannot run')) return undefined;
      throw e;
    });
    if (!verdict) skip(`${variant}: not for this machine`);
    else expectClean(verdict);
  });
});

describe("llama.cpp's CPU with other options", () => {
  const CACHES = ['ctk=f32', 'ctk=f16,ctv=f16', 'ctk=bf16,ctv=bf16', 'ctk=q8_0', 'ctk=q4_0'];
  const FUSED = ['fa=on', 'fa=on,ctk=q8_0,ctv=q8_0'];
  const OPTIONS = [...(isFull ? FUSED : []), 'fa=off', 'fa=on,ctk=q4_0,ctv=q4_0', 'repack=on', ...CACHES];
  const MODELS = isFull ? [...SPECIMENS, ...TRAINED, ...ARCH_MODELS, ...ENGINE_MODELS] : [tinyModelPath()];
  const rows = MODELS.flatMap((file) => OPTIONS.map((options) => [path.basename(file), options, file] as const));

  it.for(rows)('%s with %s is right', { timeout: TIMEOUT_MS }, async ([, options, file], { skip }) => {
    const verdict = await bisect(file, `llama:cpu,${options}`).catch((e: unknown) => {
      // some architectures keep K and V in one cache, or have heads that no block fits
      if (e instanceof QuarrelError && e.message.includes('llama.cpp cannot make a context')) return undefined;
      throw e;
    });
    if (!verdict) skip(`llama.cpp does not run this model with ${options}`);
    else expectClean(verdict);
  });

  it('fused attention ends in the kqv_out of attention step by step, also where V is rotated', async () => {
    const plain = await bisect(tinyModelPath(), 'llama:cpu,fa=on');
    const rotated = await bisect(tinyModelPath(), 'llama:cpu,fa=on,ctk=q8_0,ctv=q8_0');
    expectClean(plain);
    for (const { notMeasured } of [plain, rotated]) {
      const names = new Set(notMeasured.map(({ node }) => node.replace(/^step\d+\/|-\d+$/g, '')));
      expect([...names]).toEqual(['kq', 'kq_soft_max', 'kqv']);
    }
    expectClean(rotated);
  });
});
