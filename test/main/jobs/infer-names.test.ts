import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { captureTrace } from '../../../src/main/capture/capture';
import { findFirstBad } from '../../../src/main/jobs/find-first-bad';
import { mapNames } from '../../../src/main/jobs/infer-names';
import type { Engines } from '../../../src/main/jobs/produce-trace';
import { readNameMap } from '../../../src/main/jobs/produce-trace';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import { Control } from '../../../src/shared/base/control';
import { MAP_CONFIDENCE } from '../../../src/shared/compare/tolerance';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import type { Graph } from '../../../src/shared/graph/graph';
import { isComputing } from '../../../src/shared/graph/graph';
import type { InferredMap } from '../../../src/shared/trace/infer-map';
import { inferMap, namesAreForeign, nameMapJson } from '../../../src/shared/trace/infer-map';
import { parseNameMap } from '../../../src/shared/trace/name-map';
import { neOfShape } from '../../../src/shared/trace/safetensors';
import type { TraceSource } from '../../../src/shared/trace/trace';
import { sharedPath, tinyModelPath } from '../../helpers/shared-files';
import { SMOLLM2 } from '../../helpers/shared-models';

const noGpu: Engines = { webgpuLane: () => Promise.reject(new Error('no GPU in this test')) };
const control = (): Control => new Control(() => undefined);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'infer-test-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const TOKENS = [1, 7, 300, 21, 5];

async function capture(model: string, tokens: readonly number[]): Promise<{ trace: TraceFile; graph: Graph }> {
  const out = path.join(folder, `${path.basename(model)}.safetensors`);
  const { graph } = await captureTrace({ modelPath: model, tokens, out }, control());
  return { trace: TraceFile.open(out), graph };
}

/** The same checkpoints under other names. */
function renamed(trace: TraceSource, names: ReadonlyMap<string, string>): TraceSource {
  const back = new Map([...names].map(([from, to]) => [to, from]));
  const key = (name: string): string => back.get(name)!;
  return {
    label: 'renamed',
    engine: trace.engine,
    tokens: trace.tokens,
    manifest: undefined,
    entries: new Map([...back].map(([to, from]) => [to, { ...trace.entries.get(from)!, key: to }])),
    readF32: (name) => trace.readF32(key(name)),
    readRaw: (name) => trace.readRaw(key(name)),
  };
}

function saved(trace: TraceSource, name: string): string {
  const out = path.join(folder, `${name}.safetensors`);
  const writer = TraceWriter.create(out);
  for (const { key, dtype, shape } of trace.entries.values())
    writer.write(key, dtype, neOfShape(shape)!, trace.readRaw(key));
  writer.finish({ engine: name, model: '', tokens: trace.tokens });
  return out;
}

function infer(dump: TraceSource, golden: TraceSource, graph: Graph): Promise<InferredMap> {
  const pause = (): Promise<void> => Promise.resolve();
  return inferMap({ dump, golden, graph, threshold: MAP_CONFIDENCE, control: control(), pause });
}

/** A shuffle that is the same every time. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const out = [...items];
  let state = seed;
  for (let i = out.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

const numbered = (keys: readonly string[]): Map<string, string> => new Map(keys.map((key, i) => [key, `t${i}`]));

function bisect(model: string, dump: string, tokens: readonly number[], map?: string): Promise<Verdict> {
  const request = {
    modelPath: model,
    prompt: { kind: 'tokens', tokens } as const,
    reference: 'llama',
    candidate: `trace:${dump}`,
    ...(map === undefined ? {} : { map: readNameMap(map) }),
  };
  return findFirstBad(request, noGpu, control());
}

describe('names of a dump of the tiny model', () => {
  const model = tinyModelPath();
  let trace: TraceFile;
  let graph: Graph;
  let keys: string[];
  beforeAll(async () => {
    ({ trace, graph } = await capture(model, TOKENS));
    keys = graph.order.flatMap((id) => {
      const t = graph.tensors[id]!;
      return isComputing(graph, t) ? t.key : [];
    });
  });
  afterAll(() => trace.dispose());

  it('are its own as long as a quarter of them are nodes', () => {
    expect(namesAreForeign(trace, graph)).toBe(false);
    expect(namesAreForeign(renamed(trace, numbered(keys)), graph)).toBe(true);
  });

  it('are found without a name that tells anything, in order and shuffled', async () => {
    for (const order of [keys, shuffled(keys, 5)]) {
      const names = numbered(order);
      const found = await infer(renamed(trace, names), trace, graph);
      const pairs = found.entries.flatMap((e) => [...e.names]);
      const wrong = pairs.filter(([name, key]) => names.get(key) !== name && !isTwin(name, key, names, trace));
      expect(wrong).toEqual([]);
      expect(pairs.length).toBe(keys.length);
      expect(new Set(pairs.map(([, key]) => key)).size).toBe(keys.length);
    }
  });

  it('are found as patterns of layers, numbered from 0 or from 1', async () => {
    const some = keys.filter((key) => /^(Vcur|ffn_gate|ffn_out|l_out)-\d+$/.test(key));
    const layers = new Set(some.map((key) => Number(/\d+$/.exec(key)![0]))).size;
    const name =
      (shift: number) =>
      (key: string): [string, string] => {
        const [, base, n] = /^(\w+)-(\d+)$/.exec(key)!;
        return [key, `net/stage${Number(n) + shift}/${base!.replace(/[aeiou]/g, '')}`];
      };
    const fromZero = await infer(renamed(trace, new Map(some.map(name(0)))), trace, graph);
    expect(fromZero.entries.map(({ foreign, node }) => [foreign, node])).toEqual([
      ['net/stage{N}/Vcr', 'Vcur-{N}'],
      ['net/stage{N}/ffn_gt', 'ffn_gate-{N}'],
      ['net/stage{N}/ffn_t', 'ffn_out-{N}'],
      ['net/stage{N}/l_t', 'l_out-{N}'],
    ]);
    const fromOne = await infer(renamed(trace, new Map(some.map(name(1)))), trace, graph);
    expect(fromOne.entries).toHaveLength(4 * layers);
    expect(fromOne.entries).toContainEqual(expect.objectContaining({ foreign: 'net/stage1/Vcr', node: 'Vcur-0' }));
  });

  it('finds transposed and half-split layouts, which --map then undoes', async () => {
    const dump = path.join(folder, 'layouts.safetensors');
    const writer = TraceWriter.create(dump);
    const head = graph.tensors.find((t) => t.key === 'Qcur-0#1')!.ne[0];
    for (const key of ['Qcur-0#0', 'ffn_gate-0', 'ffn_norm-1', 'ffn_out-2', 'l_out-1', 'result_norm']) {
      const { ne } = graph.tensors.find((t) => t.key === key)!;
      const values = trace.readF32(key);
      if (key === 'Qcur-0#0')
        writer.write(
          'a',
          'F32',
          ne,
          values.map((_, i) => values[halfSplit(i, head)]!),
        );
      else if (key === 'ffn_gate-0') writer.write('b', 'F32', [ne[1], ne[0], 1, 1], transposed(values, ne[0], ne[1]));
      else writer.write(`c.${key}`, 'F32', ne, values);
    }
    writer.finish({ engine: 'test', model: '', tokens: TOKENS });
    const report = await mapNames(
      { modelPath: model, candidate: `trace:${dump}`, threshold: MAP_CONFIDENCE },
      control(),
    );
    expect(report).toMatchObject({ checkpoints: 6, doubtful: [], unknown: [] });
    expect(JSON.parse(nameMapJson(report.entries))).toMatchObject({
      a: { node: 'Qcur-0#0', channels: 'half-split-to-interleaved' },
      b: { node: 'ffn_gate-0', transpose: true },
      'c.l_out-1': 'l_out-1',
    });
    const map = path.join(folder, 'layouts.json');
    fs.writeFileSync(map, nameMapJson(report.entries));
    expect(await bisect(model, dump, TOKENS, map)).toMatchObject({
      verdict: 'incomparable',
      allBad: [],
      compared: 6,
    });
  });

  it('that cannot be found are an error that says how to go on', async () => {
    const dump = path.join(folder, 'noise.safetensors');
    const writer = TraceWriter.create(dump);
    for (let k = 0; k < 8; k++) {
      const { ne } = graph.tensors.find((t) => t.key === 'ffn_norm-0')!;
      writer.write(
        `x${k}`,
        'F32',
        ne,
        Float32Array.from({ length: ne[0] * ne[1] }, (_, i) => Math.sin(i * (k + 1.3)) * (k + 1)),
      );
    }
    writer.finish({ engine: 'test', model: '', tokens: TOKENS });
    await expect(bisect(model, dump, TOKENS)).rejects.toThrow(
      /none of its 8 checkpoints \(x0, x1, x2 …\).*confidence ≥ 0\.6.*--map FILE.*quarrel map MODEL/,
    );
  });

  it('keep a wrong value wrong: a blamed node says that its name was inferred', async () => {
    const wrong: TraceSource = {
      ...renamed(trace, numbered(keys)),
      readRaw: (name) => {
        const key = keys[Number(name.slice(1))]!;
        const values = trace.readF32(key);
        return new Uint8Array((key === 'ffn_norm-1' ? values.map((v) => v * 1.01) : values).buffer);
      },
    };
    const verdict = await bisect(model, saved(wrong, 'scaled'), TOKENS);
    expect(verdict.firstBad).toMatchObject({ node: 'ffn_norm-1' });
    const name = `t${keys.indexOf('ffn_norm-1')}`;
    expect(verdict.alignment[0]).toMatch(new RegExp(`^names: ${keys.length} of ${keys.length} names were mapped`));
    expect(verdict.alignment[1]).toMatch(
      new RegExp(`^ffn_norm-1 is what the dump calls ${name}: inferred with confidence`),
    );
  });
});

function halfSplit(i: number, head: number): number {
  const at = i % head;
  return i - at + (at < head / 2 ? 2 * at : 2 * (at - head / 2) + 1);
}

function transposed(values: Float32Array, columns: number, rows: number): Float32Array {
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
}

/** Nodes of equal values cannot be told apart, and need not be. */
function isTwin(name: string, key: string, names: ReadonlyMap<string, string>, trace: TraceSource): boolean {
  const meant = [...names].find(([, to]) => to === name)![0];
  const [a, b] = [trace.readF32(meant), trace.readF32(key)];
  return a.length === b.length && a.every((v, i) => v === b[i]);
}

const traces = sharedPath('traces');
const sample = path.join(traces, 'sample.Q4_K_M.gguf');

describe.skipIf(!fs.existsSync(sample))('dumps of ../shared/traces without telling names', () => {
  function nameless(name: string): Promise<Verdict> {
    const dump = TraceFile.open(path.join(traces, `${name}.safetensors`));
    const file = saved(renamed(dump, numbered([...dump.entries.keys()])), name);
    dump.dispose();
    return bisect(sample, file, TOKENS);
  }

  it('a right one is clean', async () => {
    const verdict = await nameless('right-repacked-weights');
    expect(verdict.alignment[0]).toMatch(/^names: 12\d of 126 names were mapped by inference/);
    expect(verdict).toMatchObject({ verdict: 'clean', firstBad: null });
    expect(verdict.compared).toBeGreaterThanOrEqual(120);
  });

  it('a wrong one is blamed where it is wrong', async () => {
    const { firstBad, alignment } = await nameless('wrong-rope-neox');
    expect([firstBad?.node, ...(firstBad?.stretch ?? [])]).toContain('Qcur-0#1');
    expect(alignment[0]).toMatch(/^names: \d+ of 126 names were mapped by inference.*the other \d+ are not used/);
  });

  it('one that is wrong in every mat-mul shows too little to be judged, and is not called clean', async () => {
    await expect(nameless('wrong-q4k-scale-high-bits')).rejects.toThrow(
      /only \d+ could be matched.*too few.*quarrel map/,
    );
  });
});

describe.skipIf(!fs.existsSync(SMOLLM2))('PyTorch on SmolLM2', () => {
  const tokens = [504, 3575, 282, 4649, 314];
  const right = path.join(traces, 'smollm2-transformers-f16-right.safetensors');
  const wrong = path.join(traces, 'smollm2-transformers-f32-wrong-attention-scale.safetensors');
  const truth = parseNameMap(
    fs.existsSync(traces) ? fs.readFileSync(path.join(traces, 'transformers-llama.map.json'), 'utf8') : '{}',
    'map',
  );
  let golden: TraceFile;
  let graph: Graph;
  beforeAll(async () => {
    ({ trace: golden, graph } = await capture(SMOLLM2, tokens));
  });
  afterAll(() => golden.dispose());

  function meant(name: string): unknown {
    const n = /\.(\d+)\./.exec(name)?.[1] ?? '';
    const target = truth.get(name.replace(/\.\d+\./, '.{N}.'))!;
    return { ...target, node: target.node.replace('{N}', n) };
  }

  it.each([right, wrong])('%s: by their names and values, as the map by hand', async (file) => {
    const dump = TraceFile.open(file);
    const { entries, doubtful, unknown } = await infer(dump, golden, graph);
    dump.dispose();
    expect([doubtful, unknown]).toEqual([[], []]);
    expect(parseNameMap(nameMapJson(entries), 'inferred')).toEqual(truth);
  });

  it.each([
    [right, 393],
    [wrong, 40],
  ])('%s: without telling names, never a wrong one', async (file, least) => {
    const dump = TraceFile.open(file);
    const order = shuffled([...dump.entries.keys()], 3);
    const { entries } = await infer(renamed(dump, numbered(order)), golden, graph);
    const found = entries.map(({ foreign, node, channels, transpose }) => [
      order[Number(foreign.slice(1))],
      { node, ...(channels ? { channels } : {}), ...(transpose ? { transpose } : {}) },
    ]);
    expect(found).toEqual(found.map(([name]) => [name, meant(name as string)]));
    expect(found.length).toBeGreaterThanOrEqual(least);
    dump.dispose();
  });
});
