import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TraceFile } from '../../../src/main/traces/trace-file';
import type { Verdict } from '../../../src/shared/divergence/verdict';
import type { InspectReport } from '../../../src/shared/gguf/inspect-report';
import { runCli } from '../../helpers/run-cli';
import { tinyModelPath } from '../../helpers/shared-files';

const model = tinyModelPath();
let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cli-test-'));
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

function parsed(stdout: string): unknown {
  return JSON.parse(stdout) as unknown;
}

describe('quarrel inspect and block', () => {
  it('prints one JSON document on stdout, nothing else', async () => {
    const { code, stdout, stderr } = await runCli(['inspect', model, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = parsed(stdout) as InspectReport;
    expect(report).toMatchObject({ schema: 'quarrel.inspect/1', architecture: 'llama', findings: [] });
    expect(report.tensors.map((t) => t.name)).toContain('blk.0.attn_q.weight');
  });

  it('saves the block that it shows', async () => {
    const out = path.join(folder, 'block.bin');
    const { code, stdout } = await runCli([
      'block',
      model,
      'blk.0.attn_q.weight',
      '--index',
      '3',
      '--out',
      out,
      '--json',
    ]);
    expect(code).toBe(0);
    const report = parsed(stdout) as { hex: string; values: number[]; fields: { name: string }[] };
    expect(fs.readFileSync(out).toString('hex')).toBe(report.hex);
    expect(report.values).toHaveLength(256);
    expect(report.fields.map((f) => f.name)).toEqual(expect.arrayContaining(['d', 'dmin', 'scales', 'mins']));
  });

  it('finds a block by row and column, compares its decoders, saves its row and its tensor', async () => {
    const block = ['block', model, 'blk.0.attn_q.weight'];
    const compared = await runCli([...block, '--at', '3,200', '--lanes', 'scalar,wasm,llama', '--json']);
    expect(compared.code).toBe(0);
    expect(parsed(compared.stdout)).toMatchObject({
      schema: 'quarrel.block/1',
      index: 3,
      judge: 'llama',
      lanes: ['scalar', 'wasm', 'llama'].map((lane) => ({ lane, classes: { equal: 256 }, different: [] })),
    });
    const npy = path.join(folder, 'tensor.npy');
    const saved = await runCli([...block, '--tensor', '--out', npy, '--json']);
    expect(saved.code).toBe(0);
    const bytes = fs.statSync(npy).size;
    expect(parsed(saved.stdout)).toMatchObject({ schema: 'quarrel.saved/1', part: 'tensor', shape: [256, 256], bytes });
    const row = path.join(folder, 'row.bin');
    expect((await runCli([...block, '--row', '--index', '3', '--out', row])).code).toBe(0);
    expect(fs.statSync(row).size).toBe(144);
  });

  it.each([
    [['inspect', 'no-such-file.gguf'], /no-such-file\.gguf/],
    [['block', model, 'blk.0.attn_x.weight', '--index', '0'], /blk\.0\.attn_x\.weight/],
    [['block', model, 'blk.0.attn_q.weight', '--index', '999999'], /block 999999 .* it has \d+ blocks \(0…\d+\)/],
    [['block', model, 'blk.0.attn_q.weight'], /--index N or --at ROW,COLUMN/],
    [['block', model, 'blk.0.attn_q.weight', '--at', '0,256'], /it has 256 rows of 256 elements/],
    [['block', model, 'blk.0.attn_q.weight', '--tensor'], /--out FILE/],
    [['block', model, 'blk.0.attn_q.weight', '--row', '--index', '0', '--out', 'x.txt'], /x\.txt.*\.npy/],
    [['bisect', model, '--tokens', '1', '--candidate', 'vulkan'], /unknown lane "vulkan"/],
    [['bisect', model, '--candidate', 'reference'], /--prompt TEXT or --tokens/],
    [['bisect', model, '--tokens', '1', '--candidate', 'trace:absent.safetensors'], /absent\.safetensors/],
    [['trace', model, '--tokens', '999999', '--out', 'x.safetensors'], /999999/],
  ])('%j exits 2 with one clear line and no stack', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const lines = stderr.split('\n').filter((line) => line.startsWith('quarrel: '));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(fs.existsSync('x.safetensors')).toBe(false);
  });

  it('refuses wrong usage with exit 2 and shows help with exit 0', async () => {
    expect(await runCli(['block', model])).toMatchObject({ code: 2, stdout: '' });
    expect((await runCli(['bisect', model, '--candidate', 'reference', '--tokens', '1,x'])).stderr).toMatch(
      /"x" is no token id/,
    );
    const help = await runCli(['bisect', '--help']);
    expect(help.code).toBe(0);
    expect(help.stdout).toMatch(/--candidate <lane>/);
  });
});

describe('quarrel trace, compare, bisect', () => {
  it('traces two lanes, compares them node by node and calls the reference clean', async () => {
    const prompt = ['--prompt', 'The capital of France is'];
    const [llama, reference] = ['llama', 'reference'].map((lane) => path.join(folder, `${lane}.safetensors`));
    const traced = await runCli(['trace', model, ...prompt, '--lane', 'llama', '--out', llama!, '--json']);
    expect(traced.code).toBe(0);
    const summary = parsed(traced.stdout) as {
      nodes: { key: string; microseconds: number | null }[];
      tokens: number[];
    };
    expect(summary.nodes[summary.nodes.length - 1]!.key).toBe('result_output');
    expect(summary.nodes[summary.nodes.length - 1]!.microseconds).toBeGreaterThan(0);
    expect((await runCli(['trace', model, ...prompt, '--lane', 'reference', '--out', reference!])).code).toBe(0);

    const same = await runCli(['compare', llama!, llama!, '--max-nmse', '0', '--json']);
    expect(same.code).toBe(0);
    const compared = await runCli(['compare', llama!, reference!, '--max-nmse', '1e-12', '--json']);
    expect(compared.code).toBe(1);
    const report = parsed(compared.stdout) as {
      differing: string[];
      nodes: { key: string; metrics: { nmse: number } }[];
    };
    expect(report.nodes).toHaveLength(summary.nodes.filter((n) => !n.key.startsWith('leaf:')).length);
    expect(report.differing[0]).toBe('Qcur-0#0');
    expect(report.nodes[report.nodes.length - 1]!.metrics.nmse).toBeLessThan(5e-3);

    const bisected = await runCli(['bisect', model, '--candidate', `trace:${reference!}`, '--json']);
    expect(bisected.code).toBe(0);
    expect(parsed(bisected.stdout)).toMatchObject({
      schema: 'quarrel.verdict/1',
      verdict: 'clean',
      tokens: summary.tokens,
      firstBad: null,
      cause: null,
      notMeasured: [],
    } satisfies Partial<Verdict>);
  }, 120_000);

  it('traces one layer only', async () => {
    const out = path.join(folder, 'layer.safetensors');
    expect((await runCli(['trace', model, '--tokens', '1,2,3', '--layers', '1', '--out', out])).code).toBe(0);
    const trace = TraceFile.open(out);
    const nodes = [...trace.entries.keys()].filter((key) => /-\d/.test(key) && !key.startsWith('leaf:'));
    trace.dispose();
    expect(nodes).toContain('l_out-1');
    expect(nodes.filter((key) => /-[2-9]/.test(key))).toEqual([]);
  });

  it('leaves nothing half-written on Ctrl-C', async () => {
    const out = path.join(folder, 'stopped', 'cut.safetensors');
    const { code, stderr } = await runCli(['trace', model, '--tokens', '1,2,3', '--lane', 'reference', '--out', out], {
      interrupt: 'reference, free run',
    });
    expect(code).toBe(130);
    expect(stderr).toMatch(/quarrel: cancelled/);
    expect(fs.existsSync(path.dirname(out)) ? fs.readdirSync(path.dirname(out)) : []).toEqual([]);
  });
});
