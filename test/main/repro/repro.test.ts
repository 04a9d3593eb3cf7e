import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModel } from '../../../src/main/files/model-file';
import { readNameMap } from '../../../src/main/jobs/produce-trace';
import { requireFree } from '../../../src/main/files/outputs';
import { copyFolder, writeFolder } from '../../../src/main/repro/repro-folder';
import { replayRepro } from '../../../src/main/repro/replay-repro';
import type { ReproDocument } from '../../../src/main/repro/repro-document';
import { TraceFile } from '../../../src/main/traces/trace-file';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import { runCli } from '../../helpers/run-cli';
import { sharedPath, tinyModelPath } from '../../helpers/shared-files';
import { SMOLLM2 } from '../../helpers/shared-models';
import { control, dumpOf, dumpOfModel, NO_GPU, reproOf } from './repro-fixture';

let root: string;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'repro-test-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const replay = (folder: string, candidate?: string): ReturnType<typeof replayRepro> =>
  replayRepro({ folder, ...(candidate === undefined ? {} : { candidate }) }, NO_GPU, control());

function documentOf(folder: string): ReproDocument {
  return JSON.parse(fs.readFileSync(path.join(folder, 'repro.json'), 'utf8')) as ReproDocument;
}

describe('a repro of the tiny model', () => {
  let folder: string;
  let verdict: Verdict;
  beforeAll(async () => {
    folder = path.join(root, 'scaled');
    // no engine's mistake: nothing can prove a cause, which is a repro of its own kind
    const lane = await dumpOf(root, (key, values) =>
      key === 'ffn_gate-2' ? values.map((v, i) => v * (1 + 0.3 * Math.sin(i * i))) : values,
    );
    verdict = await reproOf(folder, { modelPath: tinyModelPath(), candidate: lane });
  }, 60_000);

  it('holds the node, its weight byte by byte, and the results of both sides', () => {
    expect(verdict.firstBad?.node).toBe('ffn_gate-2');
    const doc = documentOf(folder);
    expect(doc).toMatchObject({
      schema: 'quarrel.repro/1',
      model: 'quarrel-tiny.gguf',
      node: 'ffn_gate-2',
      step: 0,
      replay: { kernels: null },
    });
    expect(doc.nodes.map((n) => [n.key, n.op])).toEqual([['ffn_gate-2', 'MUL_MAT']]);
    expect(doc.inputs.map((t) => t.key)).toEqual(['input.ffn_norm-2', 'blk.2.ffn_gate.weight']);
    const [model, part] = [openModel(tinyModelPath()), openModel(path.join(folder, 'weights.gguf'))];
    const tensors = TraceFile.open(path.join(folder, 'tensors.safetensors'));
    try {
      expect(part.gguf.tensors.map((t) => t.name)).toEqual(['blk.2.ffn_gate.weight']);
      const [own, whole] = [part, model].map((m) => {
        const tensor = m.requireTensor('blk.2.ffn_gate.weight');
        const bytes = new Uint8Array(tensor.byteLength);
        tensor.copyInto(0, bytes.length, bytes, 0);
        return { type: tensor.type, ne: tensor.ne, bytes };
      });
      expect(own).toEqual(whole);
      const right = tensors.readF32('expected.ffn_gate-2');
      const wrong = tensors.readF32('wrong.ffn_gate-2');
      expect(wrong[7]! / right[7]!).toBeCloseTo(1 + 0.3 * Math.sin(49), 1);
      expect([...tensors.entries.keys()]).toEqual(['input.ffn_norm-2', 'expected.ffn_gate-2', 'wrong.ffn_gate-2']);
    } finally {
      for (const file of [model, part, tensors]) file.dispose();
    }
  });

  it('says in its README what is wrong and how to replay it', () => {
    const text = fs.readFileSync(path.join(folder, 'README.md'), 'utf8');
    for (const part of ['# ffn_gate-2 is wrong', 'quarrel replay', 'noise floor', 'expected.ffn_gate-2', 'load_file']) {
      expect(text).toContain(part);
    }
  });

  it('replays right on another lane, and as dumped where nothing can make the result again', async () => {
    const dumped = await replay(folder);
    expect(dumped).toMatchObject({ wrong: true, by: null, rightNmse: 0 });
    const right = await replay(folder, 'reference');
    expect(right).toMatchObject({ wrong: false, by: { kind: 'lane', name: 'reference' } });
    expect(right.nmse.replayed).toBeLessThan(1e-12);
    expect(right.worst.replayed).toBeCloseTo(right.worst.expected, 5);
    await expect(replay(folder, 'llama')).rejects.toThrow(/webgpu\[@DIR\] or reference/);
  });

  it('is not written into a folder that holds something, and leaves nothing where it fails', () => {
    expect(() => requireFree(folder)).toThrow(/it holds README\.md, repro\.json, tensors\.safetensors; a new folder/);
    expect(() => requireFree(path.join(folder, 'repro.json'))).toThrow(/it is a file; a new folder is expected/);
    const target = path.join(root, 'broken');
    const fails = (): never => {
      throw new Error('midway');
    };
    expect(() => writeFolder(target, fails)).toThrow('midway');
    expect(fs.readdirSync(root).filter((name) => name.startsWith('broken'))).toEqual([]);
    fs.mkdirSync(target);
    copyFolder(folder, target);
    expect(fs.readdirSync(target).sort()).toEqual(fs.readdirSync(folder).sort());
  });

  describe('damaged', () => {
    const damages: readonly (readonly [string, (copy: string) => void, RegExp])[] = [
      ['without repro.json', (d) => fs.rmSync(path.join(d, 'repro.json')), /is no repro folder: repro\.json/],
      ['whose repro.json was cut', (d) => fs.truncateSync(path.join(d, 'repro.json'), 100), /repro\.json: no JSON/],
      ['of another version', (d) => edit(d, (doc) => ({ ...doc, schema: 'quarrel.repro/9' })), /repro\.json: schema/],
      ['without a node', (d) => edit(d, (doc) => ({ ...doc, node: undefined })), /repro\.json: "node" is missing/],
      ['of a node that its graph lacks', (d) => edit(d, (doc) => ({ ...doc, node: 'nix' })), /no node nix/],
      ['without its tensors', (d) => fs.rmSync(path.join(d, 'tensors.safetensors')), /tensors\.safetensors is missing/],
      [
        'whose tensors were cut',
        (d) => fs.truncateSync(path.join(d, 'tensors.safetensors'), 99),
        /has 99 bytes; \d+ were/,
      ],
      [
        'whose weights were changed',
        (d) => flip(path.join(d, 'weights.gguf')),
        /weights\.gguf was changed: its SHA-256/,
      ],
      ['without its weights', (d) => fs.rmSync(path.join(d, 'weights.gguf')), /weights\.gguf is missing/],
    ];

    it.each(damages)('%s', async (_what, damage, message) => {
      const copy = fs.mkdtempSync(path.join(root, 'damaged-'));
      fs.cpSync(folder, copy, { recursive: true });
      damage(copy);
      await expect(replay(copy)).rejects.toThrow(message);
    });

    it('is one line and exit code 2 on the command line', async () => {
      const run = await runCli(['replay', root]);
      expect(run).toMatchObject({ code: 2, stdout: '' });
      expect(run.stderr.trim().split('\n')).toHaveLength(1);
      expect(run.stderr).toMatch(/^quarrel: .* is no repro folder: repro\.json/);
    }, 60_000);
  });
});

function edit(folder: string, change: (doc: ReproDocument) => object): void {
  fs.writeFileSync(path.join(folder, 'repro.json'), JSON.stringify(change(documentOf(folder))));
}

function flip(file: string): void {
  const bytes = fs.readFileSync(file);
  bytes[bytes.length - 40]! ^= 1;
  fs.writeFileSync(file, bytes);
}

const traces = sharedPath('traces');
const scaleDump = path.join(traces, 'smollm2-transformers-f32-wrong-attention-scale.safetensors');

describe('a repro of a tensor of another layer', () => {
  it('brings the weight that was read along, and makes the wrong result from it', async () => {
    const lane = await dumpOfModel(root, withSwapped('blk.2.ffn_gate.weight', 'blk.5.ffn_gate.weight'));
    const folder = path.join(root, 'another-tensor');
    const verdict = await reproOf(folder, { modelPath: tinyModelPath(), candidate: lane });
    expect(verdict.firstBad?.node).toBe('ffn_gate-2');
    expect(verdict.cause).toMatchObject({ id: 'another-tensor', parameters: { tensor: 'blk.5.ffn_gate.weight' } });
    const report = await replay(folder);
    expect(report).toMatchObject({ wrong: true, by: { kind: 'cause' } });
    expect(report.apart).toBeLessThan(1e-3 * report.nmse.dumped);
  }, 60_000);
});

/** A copy of the tiny model in which one tensor has another's bytes. */
function withSwapped(name: string, other: string): string {
  const model = openModel(tinyModelPath());
  const bytes = fs.readFileSync(tinyModelPath());
  const [to, from] = [name, other].map((n) => model.gguf.tensors.find((t) => t.name === n)!);
  expect(to!.type).toBe(from!.type);
  bytes.copyWithin(to!.offset, from!.offset, from!.offset + from!.byteLength!);
  model.dispose();
  const out = path.join(root, 'swapped.gguf');
  fs.writeFileSync(out, bytes);
  return out;
}

describe.skipIf(!fs.existsSync(scaleDump) || !fs.existsSync(SMOLLM2))('a repro of ../shared/traces, a stretch', () => {
  it('makes the wrong result again from the proved cause, from a copy, in another process', async () => {
    const folder = path.join(root, 'scale');
    const map = readNameMap(path.join(traces, 'transformers-llama.map.json'));
    const verdict = await reproOf(folder, {
      modelPath: SMOLLM2,
      candidate: `trace:${scaleDump}`,
      tokens: [504, 3575, 282, 4649, 314],
      map,
    });
    expect(verdict.firstBad).toMatchObject({ node: 'kqv_out-0', layer: 0 });
    expect(verdict.firstBad?.stretch).toContain('kq_soft_max-0');
    expect(verdict.cause).toMatchObject({
      id: 'attention-scale',
      nodes: ['kq_soft_max-0'],
      parameters: { scale: 1, right: 0.125 },
    });
    expect(verdict.cause?.explained).toBeGreaterThan(0.9999);
    const doc = documentOf(folder);
    expect(doc.nodes.find((n) => n.op === 'SOFT_MAX')?.params).toMatchObject({ scale: 0.125, max_bias: 0 });
    const copy = path.join(root, 'elsewhere', 'copy');
    fs.cpSync(folder, copy, { recursive: true });
    fs.rmSync(folder, { recursive: true });
    const run = await runCli(['replay', copy, '--json']);
    expect(run.code).toBe(1);
    const report = JSON.parse(run.stdout) as Awaited<ReturnType<typeof replayRepro>>;
    expect(report).toMatchObject({ node: 'kqv_out-0', wrong: true, by: { kind: 'cause' } });
    expect(report.apart).toBeLessThan(1e-5 * report.nmse.dumped);
    expect(report.worst.replayed).toBeCloseTo(report.worst.dumped, 3);
    expect(report.rightNmse).toBeLessThan(1e-12);
  }, 90_000);
});

const sample = path.join(traces, 'sample.Q4_K_M.gguf');

describe.skipIf(!fs.existsSync(sample))('repros of the wrong dumps in ../shared/traces', () => {
  it.each([
    ['wrong-q4k-scale-high-bits', 'Qcur-0#0', 'MUL_MAT'],
    ['wrong-rope-neox', 'Qcur-0#1', 'ROPE'],
  ])(
    '%s',
    async (name, node, op) => {
      const folder = path.join(root, name);
      const verdict = await reproOf(folder, {
        modelPath: sample,
        candidate: `trace:${path.join(traces, name)}.safetensors`,
      });
      const report = await replay(folder);
      expect(report).toMatchObject({ node, op, wrong: true });
      // as long as a cause is proved, it makes the wrong numbers again
      if (verdict.cause) expect(report.apart).toBeLessThan(0.1 * report.nmse.dumped);
      expect(await replay(folder, 'reference')).toMatchObject({ wrong: false });
    },
    60_000,
  );
});
