import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { verdictText } from '../../../src/main/cli/text/verdict-text';
import { openModel } from '../../../src/main/files/model-file';
import { compareTraces } from '../../../src/main/jobs/compare-traces';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import type { Engines } from '../../../src/main/jobs/produce-trace';
import { reportOf } from '../../../src/main/reports/report';
import { Control } from '../../../src/shared/base/control';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { CapturedDump } from '../../helpers/captured-dump';
import { sharedPath, tinyModelPath } from '../../helpers/shared-files';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
const TOKENS = [1, 7, 300, 21, 5];
const control = (): Control => new Control(() => undefined);

function bisect(modelPath: string, candidate: string, tokens: readonly number[] = TOKENS): Promise<Verdict> {
  const request = { modelPath, prompt: { kind: 'tokens', tokens } as const, reference: 'llama', candidate };
  return findFirstBad(request, noGpu, control());
}

describe('NaN in a dump', () => {
  const model = tinyModelPath();
  let dump: CapturedDump;
  beforeAll(async () => {
    dump = await CapturedDump.of(model, TOKENS);
  });
  afterAll(() => dump.dispose());

  /** Everything from the first bad node on is NaN, as an engine goes on from it. */
  const nanFrom = (first: string): string => {
    const at = dump.nodes.findIndex((t) => t.key === first);
    const keys = new Set(dump.nodes.slice(at).map((t) => t.key));
    return dump.write(({ key, kind }, values) =>
      keys.has(key) && kind !== 'GET_ROWS' && !/^(K|V|Q)cur-/.test(key) ? values.fill(NaN) : values,
    );
  };

  it('is blamed where it begins, and nowhere after', async () => {
    const v = await bisect(model, `trace:${nanFrom('ffn_inp-2')}`);
    expect(v.firstBad).toMatchObject({ node: 'ffn_inp-2', why: 'NaN where a finite value is right' });
    const after = v.notMeasured.filter((n) => /follows from NaN or Inf/.test(n.reason)).map((n) => n.node);
    expect(after).toContain('result_output');
    expect(after).toContain('l_out-2');
    expect(v.nonFinite).toMatchObject({ node: 'ffn_inp-2' });
  });

  it('is said of the logits, everywhere, and compare agrees', async () => {
    const file = nanFrom('ffn_inp-2');
    const v = await bisect(model, `trace:${file}`);
    const of = v.logits.notNumbers.of;
    expect(v.logits).toMatchObject({ candidate: null, sameTop: false, notNumbers: { reference: 0, candidate: of } });
    expect(verdictText(v)).toContain(`NaN (all ${of} logits)`);
    expect(verdictText(v)).not.toMatch(/next token.*not measured/);
    for (const kind of ['markdown', 'html'] as const) expect(reportOf(kind, v)).toContain(`NaN (all ${of} logits)`);
    const right = dump.write();
    const request = { reference: right, candidate: file, maxNmse: 1e-2 };
    expect((await compareTraces(request, control())).differing).toContain('result_output');
    const same = await compareTraces({ ...request, reference: file }, control());
    expect(same.differing).toEqual([]);
    expect(same.nanOnBoth).toContain('result_output');
  });

  it('of one token leaves the other tokens to be judged', async () => {
    const nanRow = (values: Float32Array): Float32Array => values.fill(NaN, values.length - values.length / 5);
    const file = (wrong: boolean): string =>
      dump.write(({ key }, values) => {
        if (/^(ffn_inp-3)$/.test(key)) return nanRow(values);
        // the first token's row of what reads it
        if (key === 'ffn_norm-3' || key === 'norm-3#1') {
          nanRow(values);
          return wrong && key === 'ffn_norm-3' ? values.map((x, i) => (i < values.length / 5 ? 2 * x : x)) : values;
        }
        return values;
      });
    const names = (v: Verdict): readonly string[] => v.allBad.map((b) => b.node);
    expect(names(await bisect(model, `trace:${file(false)}`))).not.toContain('ffn_norm-3');
    expect(names(await bisect(model, `trace:${file(true)}`))).toContain('ffn_norm-3');
  });

  it('swallowed in one addition is a fault of that addition', async () => {
    const file = dump.write(({ key }, values) => (key === 'ffn_out-1' ? values.fill(NaN, 0, 8) : values));
    const v = await bisect(model, `trace:${file}`);
    expect(v.allBad.map((b) => b.node)).toEqual(['ffn_out-1', 'l_out-1']);
  });
});

describe('weights that are no numbers', () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-nan-'));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  /** The model with these bytes at the beginning of the first tensor of a type. */
  function modelWith(type: string, bytes: readonly number[]): { readonly file: string; readonly tensor: string } {
    const file = path.join(folder, `${type}-${bytes.join('')}.gguf`);
    fs.copyFileSync(tinyModelPath(), file);
    const opened = openModel(file);
    const tensor = opened.gguf.tensors.find((t) => t.type === type && t.name.startsWith('blk.0'))?.name ?? '';
    const { fileOffset } = opened.requireTensor(tensor);
    opened.dispose();
    const data = fs.readFileSync(file);
    data.set(bytes, fileOffset);
    fs.writeFileSync(file, data);
    return { file, tensor };
  }

  it.each([
    ['Q4_K', [0x00, 0x7e], 'whose d is NaN'],
    ['Q4_K', [0x00, 0x7c], 'whose d is infinite'],
    ['F32', [0x00, 0x00, 0xc0, 0x7f], 'of value NaN'],
    ['F32', [0x00, 0x00, 0x80, 0xff], 'of value infinite'],
  ])('are never clean: %s %j', async (type, bytes, said) => {
    const { file, tensor } = modelWith(type, bytes);
    const v = await bisect(file, 'reference');
    expect(v.verdict).toBe('incomparable');
    expect(v.reason).toContain(`${tensor} (${type}) has 1`);
    expect(v.reason).toContain(said);
    expect(v.preflight.find((r) => r.id === 'weights')).toMatchObject({ state: 'unusable' });
  });
});

const MODEL = sharedPath('reported/engines/qwen3moe-8x3.Q8_0.gguf');
const RACE =
  'reported/engines/b12-wrong-race-on-shared-memory-in-the-fused-q-norm-one-head-of-one-token-is-nan.safetensors';

describe.skipIf(!fs.existsSync(MODEL))('a race that makes one head of one token NaN', () => {
  it('is the only wrong node: clamps, orders and sums of NaN are not', async () => {
    const request = { modelPath: MODEL, reference: 'llama', candidate: `trace:${sharedPath(RACE)}` };
    const prompt = { kind: 'tokens', tokens: tokensOf(sharedPath(RACE)) } as const;
    const v = await findFirstBad({ ...request, prompt }, noGpu, control());
    expect(v.allBad.map((b) => b.node)).toEqual(['norm-0#1']);
    expect(v.logits.notNumbers).toEqual({ reference: 0, candidate: 128, of: 128 });
  });
});

function tokensOf(file: string): number[] {
  const bytes = fs.readFileSync(file);
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()) as {
    __metadata__: { tokens: string };
  };
  return JSON.parse(header.__metadata__.tokens) as number[];
}
