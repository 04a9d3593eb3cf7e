import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { tokenizePrompt } from '../../../src/main/capture/token-pieces';
import { openModel } from '../../../src/main/files/model-file';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import type { Engines } from '../../../src/main/jobs/produce-trace';
import { scanScales } from '../../../src/main/jobs/scan-weights';
import { traceLane } from '../../../src/main/jobs/trace-lane';
import { UNLIMITED, WorkBudget } from '../../../src/shared/base/budget';
import { Control } from '../../../src/shared/base/control';
import type { Rung } from '../../../src/shared/divergence/checks';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import type { PromptSpec } from '../../../src/shared/ipc/jobs';
import { tinyModelPath } from '../../helpers/shared-files';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
const control = (): Control => new Control(() => undefined);
const TEXT = 'the other day';

let folder: string;
/** The embedded model, whose tokenizer puts BOS (511) first here. */
let model: string;
let text: readonly number[];

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'preflight-test-'));
  model = path.join(folder, 'adds-bos.gguf');
  fs.copyFileSync(tinyModelPath(), model);
  setFlag(model, 'tokenizer.ggml.add_bos_token');
  text = await tokenizePrompt(model, TEXT, control());
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Sets a boolean of the metadata: its byte is the last of the entry (key length, key, type, value). */
function setFlag(file: string, key: string): void {
  const opened = openModel(file);
  const entry = opened.gguf.metadata.entry(key);
  opened.dispose();
  if (!entry) throw new Error(`no ${key}`);
  const bytes = fs.readFileSync(file);
  bytes[entry.offset + 8 + key.length + 4] = 1;
  fs.writeFileSync(file, bytes);
}

/** What another engine dumps: a trace of these tokens, with metadata of its own. */
async function dump(
  tokens: readonly number[],
  metadata: Record<string, string> = {},
  steps?: readonly number[],
): Promise<string> {
  const out = path.join(folder, `dump-${fs.readdirSync(folder).length}.safetensors`);
  const prompt = { kind: 'tokens', tokens } as const;
  const plan = steps ? { steps: { count: steps.length, tokens: steps } } : {};
  const lane = { kind: 'llama', device: 'cpu' } as const;
  (await traceLane({ modelPath: model, prompt, lane, out, ...plan }, noGpu, control())).dispose();
  const file = fs.readFileSync(out);
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<string, unknown>;
  const whole = { ...header, __metadata__: { tokens: JSON.stringify(tokens), engine: 'another', ...metadata } };
  const json = Buffer.from(JSON.stringify(whole));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  fs.writeFileSync(out, Buffer.concat([prefix, json, file.subarray(8 + length)]));
  return out;
}

function bisect(file: string, prompt: PromptSpec, more: { steps?: number } = {}): Promise<Verdict> {
  const request = { modelPath: model, prompt, reference: 'llama', candidate: `trace:${file}`, ...more };
  return findFirstBad(request, noGpu, control());
}

const asText: PromptSpec = { kind: 'prompt', text: TEXT };
const rung = (v: Verdict, id: Rung['id']): Rung | undefined => v.preflight.find((r) => r.id === id);

describe('preflight of a dump', () => {
  it('begins with BOS as the tokenizer says', () => {
    expect(text[0]).toBe(511);
    expect(text.length).toBeGreaterThan(2);
  });

  it.each([
    ['double-bos', (t: readonly number[]) => [511, ...t]],
    ['missing-bos', (t: readonly number[]) => t.slice(1)],
    ['tokenizer', (t: readonly number[]) => [...t.slice(0, -1), 7, 9]],
  ])('%s is proved by the ids; every node is right on its own tokens', async (id, change) => {
    const tokens = change(text);
    const verdict = await bisect(await dump(tokens), asText);
    expect(verdict).toMatchObject({ verdict: 'diverged', firstBad: null, allBad: [], tokens });
    expect(verdict.cause).toMatchObject({ id, explained: 1, nodes: [] });
    expect(rung(verdict, 'tokens')).toMatchObject({ state: 'different' });
    expect(verdict.compared).toBeGreaterThan(100);
  });

  it('is clean on the same tokens; the embedding rows are right, the rest is not told', async () => {
    const verdict = await bisect(await dump(text), asText);
    expect(verdict).toMatchObject({ verdict: 'clean', cause: null });
    expect(verdict.preflight.map((r) => [r.id, r.state])).toEqual([
      ['tokens', 'equal'],
      ['types', 'not-measured'],
      ['weights', 'not-measured'],
      ['embedding', 'equal'],
    ]);
  });

  it("finds BOS doubled in the dump's own tokens, where no text is given", async () => {
    const tokens = [511, 511, 7, 21];
    const verdict = await bisect(await dump(tokens), { kind: 'tokens', tokens });
    expect(verdict).toMatchObject({ verdict: 'diverged', firstBad: null, cause: { id: 'double-bos' } });
    const without = await bisect(await dump([7, 21]), { kind: 'tokens', tokens: [7, 21] });
    expect(without).toMatchObject({ verdict: 'clean', cause: null });
    expect(rung(without, 'tokens')).toMatchObject({ state: 'not-measured' });
  });

  it('refuses given tokens that are not those of the dump', async () => {
    const other: PromptSpec = { kind: 'tokens', tokens: [1, 2] };
    await expect(bisect(await dump(text), other)).rejects.toThrow(/compare like with like \(give --tokens\)/);
  });

  it('compares types, values and hashes that the dump tells', async () => {
    const file = openModel(model);
    const norm = file.requireTensor('output_norm.weight');
    const bytes = new Uint8Array(norm.byteLength);
    norm.copyInto(0, bytes.length, bytes, 0);
    const epsilon = file.gguf.metadata.number('llama.attention.layer_norm_rms_epsilon');
    file.dispose();
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const told = (hash: string, value: unknown): Record<string, string> => ({
      tensor_types: JSON.stringify({ 'output_norm.weight': 'f32' }),
      hparams: JSON.stringify({ 'attention.layer_norm_rms_epsilon': value }),
      tensor_sha256: JSON.stringify({ 'output_norm.weight': hash }),
    });
    const same = await bisect(await dump(text, told(sha256, epsilon)), asText);
    expect(rung(same, 'types')).toMatchObject({ state: 'equal', text: '1 types and 1 values as in the model' });
    expect(rung(same, 'weights')).toMatchObject({ state: 'equal' });
    const other = await bisect(await dump(text, told('0'.repeat(64), 1e-6)), asText);
    expect(rung(other, 'types')).toMatchObject({ state: 'different' });
    expect(rung(other, 'weights')?.text).toMatch(/^the data of output_norm.weight are not those of the model/);
    // Every node is right on its own inputs, and still these are not the model's weights.
    expect(other).toMatchObject({ verdict: 'diverged', firstBad: null, cause: null });
  });

  it.each([
    ['another hash', { tensor_sha256: JSON.stringify({ 'output_norm.weight': '0'.repeat(64) }) }],
    ['another type', { tensor_types: JSON.stringify({ 'output_norm.weight': 'F16' }) }],
    ['another value', { hparams: JSON.stringify({ 'attention.layer_norm_rms_epsilon': 0.5 }) }],
  ])('%s alone is never clean', async (_, metadata) => {
    expect((await bisect(await dump(text, metadata), asText)).verdict).toBe('diverged');
  });

  it.each([
    ['no hash', { 'output_norm.weight': 'zz' }, /output_norm\.weight is "zz" \(2 characters\); the 64 hexadecimal/],
    ['a tensor of another model', { 'blk.99.w': '0'.repeat(64) }, /has no tensor "blk\.99\.w"; names of its tensors/],
  ])('refuses %s where a hash is expected, before it runs', async (_, hashes, message) => {
    const stages: string[] = [];
    const candidate = `trace:${await dump(text, { tensor_sha256: JSON.stringify(hashes) })}`;
    const request = { modelPath: model, prompt: asText, reference: 'llama', candidate };
    const watched = new Control(({ stage }) => void stages.push(stage));
    await expect(findFirstBad(request, noGpu, watched)).rejects.toThrow(message);
    expect(stages.some((s) => s.includes('judge'))).toBe(false);
  });
});

describe('decode steps of a dump', () => {
  it('are not left out silently where it does not say their tokens', async () => {
    const file = await dump(text, {}, [21, 5]);
    await expect(bisect(file, asText)).rejects.toThrow(/checkpoints of 2 decode steps .* says the tokens of 0: add/);
    expect((await bisect(file, asText, { steps: 0 })).steps).toHaveLength(1);
    const told = await dump(text, { steps: '[21,5]' }, [21, 5]);
    expect((await bisect(told, asText)).verdict).toBe('clean');
  });
});

describe('the quick look at scales', () => {
  it('names NaN and infinite scales, and says how far it came', async () => {
    const broken = path.join(folder, 'broken.gguf');
    fs.copyFileSync(model, broken);
    const file = openModel(broken);
    const tensor = file.gguf.tensors.find((t) => t.type === 'Q4_K');
    if (!tensor) throw new Error('no Q4_K tensor');
    const { name, fileOffset } = file.requireTensor(tensor.name);
    file.dispose();
    const bytes = fs.readFileSync(broken);
    bytes.writeUInt16LE(0x7e00, fileOffset + 3 * 144); // d of block 3
    bytes.writeUInt16LE(0x7c00, fileOffset + 5 * 144 + 2); // dmin of block 5
    fs.writeFileSync(broken, bytes);
    const opened = openModel(broken);
    try {
      const scan = await scanScales(opened, control(), UNLIMITED);
      expect(scan.scannedBytes).toBe(scan.totalBytes);
      expect(scan.odd).toEqual([
        { tensor: name, type: 'Q4_K', field: 'd', kind: 'nan', count: 1, first: [3] },
        { tensor: name, type: 'Q4_K', field: 'dmin', kind: 'infinite', count: 1, first: [5] },
      ]);
      const hurried = await scanScales(opened, control(), new WorkBudget(0));
      expect(hurried.scannedBytes).toBeLessThan(hurried.totalBytes);
      const stopped = control();
      stopped.cancel();
      await expect(scanScales(opened, stopped, UNLIMITED)).rejects.toThrow('cancelled');
    } finally {
      opened.dispose();
    }
  });
});
