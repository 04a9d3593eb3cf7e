import fs from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import type { BisectOptions } from '../../../src/main/jobs/find-first-bad';
import type { Engines } from '../../../src/main/jobs/produce-trace';
import { readNameMap } from '../../../src/main/jobs/produce-trace';
import { Control } from '../../../src/shared/base/control';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { CapturedDump } from '../../helpers/captured-dump';
import { sharedPath, tinyModelPath } from '../../helpers/shared-files';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
const TOKENS = [1, 7, 300, 21, 5];

function bisect(
  modelPath: string,
  candidate: string,
  tokens: readonly number[] = TOKENS,
  more: BisectOptions = {},
): Promise<Verdict> {
  const request = { modelPath, prompt: { kind: 'tokens', tokens } as const, reference: 'llama', candidate, ...more };
  return findFirstBad(request, noGpu, new Control(() => undefined));
}

describe('clean means covered', () => {
  const model = tinyModelPath();
  let dump: CapturedDump;
  beforeAll(async () => {
    dump = await CapturedDump.of(model, TOKENS);
  });
  afterAll(() => dump.dispose());

  const only = (keys: (key: string) => boolean): Promise<Verdict> =>
    bisect(model, `trace:${dump.write(({ key }, values) => (keys(key) ? values : undefined))}`);

  it('a whole dump is', async () => {
    const { verdict, coverage } = await only(() => true);
    const nodes = dump.nodes.length;
    expect({ verdict, coverage }).toEqual({ verdict: 'clean', coverage: { measured: nodes, covered: nodes, nodes } });
  });

  it('layer ends, the logits among them, answer for what lies between', async () => {
    const v = await only((key) => /^(embd|l_out-\d+|result_output)$/.test(key));
    expect(v.verdict).toBe('clean');
    expect(v.coverage.covered).toBe(v.coverage.nodes);
    expect(v.coverage.measured).toBeLessThan(10);
  });

  it('the logits alone do not, nor does one node in the middle; both are said', async () => {
    for (const key of ['result_output', 'ffn_inp-1']) {
      const v = await only((k) => k === key);
      expect(v).toMatchObject({ verdict: 'incomparable', firstBad: null, compared: 1 });
      expect(v.reason).toContain(`1 of ${dump.nodes.length} nodes measured`);
      expect(v.notMeasured.find((n) => n.node === 'l_out-2')?.reason).toMatch(/nothing shows whether it is right/);
    }
  });

  it('half of the layers do not', async () => {
    const v = await only((key) => key === 'embd' || /-[01](#\d+)?$/.test(key));
    expect(v).toMatchObject({ verdict: 'incomparable', firstBad: null });
  });

  it('a graph of which one node in twenty is missing is clean, with the share', async () => {
    const few = new Set(dump.nodes.filter((_, i) => i % 20 === 19).map((t) => t.key));
    const v = await only((key) => !few.has(key));
    expect(v).toMatchObject({ verdict: 'clean', compared: dump.nodes.length - few.size });
  });

  it('a wrong node is wrong in the barest dump', async () => {
    const file = dump.write(({ key }, values) => (key === 'embd' ? values.map((x) => 2 * x) : undefined));
    expect(await bisect(model, `trace:${file}`)).toMatchObject({ verdict: 'diverged', firstBad: { node: 'embd' } });
  });

  it('counts only what was asked for', async () => {
    const v = await bisect(model, 'reference', TOKENS, { selection: { layers: { from: 1, to: 1 } } });
    expect(v.verdict).toBe('clean');
    expect(v.coverage.covered).toBe(v.coverage.nodes);
    expect(v.coverage.nodes).toBeLessThan(dump.nodes.length / 2);
  });

  it('holds for a program that can dump a few nodes only, however it is searched', async () => {
    const file = dump.write(({ key }, values) => (/^(embd|l_out-0)$/.test(key) ? values : undefined));
    const serve = `cmd:"${process.execPath}" test/main/jobs/foreign/serve-dump.mjs "${file}" {tokens} {out} {checkpoints}`;
    const v = await bisect(model, serve);
    expect(v).toMatchObject({ verdict: 'incomparable', firstBad: null, compared: 2 });
    expect(v.reason).toMatch(/^2 of \d+ nodes measured/);
  });

  it('lists names that nothing places, and why', async () => {
    const file = dump.write();
    const map = new Map([
      ['embd', { node: 'embd' }],
      ['l_out-0', { node: 'no_such-0' }],
    ]);
    const v = await bisect(model, `trace:${file}`, TOKENS, { map });
    expect(v.verdict).toBe('incomparable');
    // names of the graph's own are known, whatever the map says
    expect(v.unplaced).toEqual([]);
    const foreign = fs.readFileSync(file);
    const renamed = `${file}.renamed.safetensors`;
    fs.writeFileSync(renamed, Buffer.from(foreign.toString('latin1').replace('"l_out-0"', '"l_xxx-0"'), 'latin1'));
    const other = await bisect(model, `trace:${renamed}`);
    expect(other.unplaced).toEqual([{ name: 'l_xxx-0', reason: 'no node of the graph is called so' }]);
  });
});

const BERT = sharedPath('reported/bert/minilm-l3.F16.gguf');
const bert = (name: string): string => sharedPath(`reported/bert/${name}.safetensors`);

describe.skipIf(!fs.existsSync(BERT))('dumps of forward hooks', () => {
  const tokens = [101, 1996, 3007, 1997, 2605, 2003, 102];

  it('cover the graph with the ends of sub-layers', async () => {
    const v = await bisect(BERT, `trace:${bert('l3-right-erf-ends')}`, tokens);
    expect(v.coverage).toMatchObject({ measured: 7 });
    expect(v.coverage.covered).toBeGreaterThan(0.9 * v.coverage.nodes);
  });

  it('cover it where the map has hardly any of their names, too: the others are inferred', async () => {
    const map = readNameMap(sharedPath('reported/bert/bert-hf-map.json'));
    const v = await bisect(BERT, `trace:${bert('l3-right-erf-ends')}`, tokens, { map });
    expect(v).toMatchObject({ verdict: 'clean', compared: 7, unplaced: [] });
  });
});
