import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import type { CaptureResult } from '../../../src/main/capture/capture';
import { captureTrace } from '../../../src/main/capture/capture';
import { variantNames } from '../../../src/main/capture/cpu-variants';
import { locateLibrary } from '../../../src/main/capture/library-files';
import type { LlamaOptions } from '../../../src/shared/divergence/llama-options';
import type { GraphTensor } from '../../../src/shared/graph/graph';
import { PROMPT, silent, TINY_MODEL, temporaryFolder } from './capture-fixture';

const folder = temporaryFolder();
const variants = variantNames(locateLibrary().dir);

afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

let count = 0;
function capture(options: LlamaOptions): Promise<CaptureResult> {
  const out = path.join(folder, `${count++}.safetensors`);
  return captureTrace({ modelPath: TINY_MODEL, prompt: PROMPT, out, options }, silent());
}

function cache(r: CaptureResult, which: 'k' | 'v'): GraphTensor | undefined {
  return r.graph.tensors.find((t) => t.name === `cache_${which}_l0`);
}

const ops = (r: CaptureResult): ReadonlySet<string> => new Set(r.graph.tensors.map((t) => t.op));

describe("a llama lane's options", () => {
  it.each([
    ['f32', 'F32'],
    ['bf16', 'BF16'],
    ['q8_0', 'Q8_0'],
    ['q4_0', 'Q4_0'],
    ['q4_1', 'Q4_1'],
    ['q5_0', 'Q5_0'],
    ['q5_1', 'Q5_1'],
    ['iq4_nl', 'IQ4_NL'],
  ] as const)('ctk=%s is the type of the K cache, and stands in the provenance', async (word, type) => {
    const r = await capture({ cacheTypeK: word });
    expect(cache(r, 'k')?.type).toBe(type);
    expect(cache(r, 'v')?.type).toBe('F16');
    expect(r.provenance).toMatchObject({ cacheTypeK: word });
  });

  it('fa=on fuses the attention, which takes a quantized V cache', async () => {
    const r = await capture({ cacheTypeV: 'q8_0', flashAttention: true });
    expect(cache(r, 'v')?.type).toBe('Q8_0');
    expect(ops(r)).toContain('FLASH_ATTN_EXT');
    expect(ops(r)).not.toContain('SOFT_MAX');
    expect(r.provenance).toMatchObject({ cacheTypeV: 'q8_0', flashAttention: 'on' });
  });

  it('leaves out of the provenance what nobody asked for', async () => {
    const r = await capture({ flashAttention: false, repack: false });
    expect(ops(r)).toContain('SOFT_MAX');
    for (const key of ['flashAttention', 'repackWeights', 'cacheTypeK', 'cacheTypeV', 'variant']) {
      expect(r.provenance).not.toHaveProperty(key);
    }
  });

  it('repack=on stands in the provenance', async () => {
    expect((await capture({ repack: true })).provenance).toMatchObject({ repackWeights: 'on' });
  });

  it.skipIf(!variants.includes('x64'))('variant=x64 runs that CPU build, which every x64 machine can', async () => {
    const r = await capture({ variant: 'x64' });
    expect(r.provenance).toMatchObject({ variant: 'x64' });
    if (process.platform === 'linux') expect(r.provenance['cpuVariant']).toContain('-x64.');
  });

  it('refuses a variant that is not there, and lists those that are', async () => {
    const known = variants.length === 0 ? 'none' : variants.join(', ');
    await expect(capture({ variant: 'z80' })).rejects.toThrow(new RegExp(`z80.*variants: ${known}`));
  });

  it("says llama.cpp's reason where it cannot keep a cache so", async () => {
    // the parser refuses it first
    await expect(capture({ cacheTypeV: 'q8_0' })).rejects.toThrow(
      /cannot make a context.*quantized V cache requires flash_attn/,
    );
  });
});
