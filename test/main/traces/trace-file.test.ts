import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { compareTraces } from '../../../src/main/jobs/compare-traces';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { TraceWriter } from '../../../src/main/traces/trace-writer';
import { Control } from '../../../src/shared/base/control';
import { QuarrelError } from '../../../src/shared/base/errors';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'trace-test-'));
});
afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

const info = { engine: 'test', model: 'm.gguf', tokens: [1, 2, 3] };

describe('trace file', () => {
  it('keeps tensors of every type, statistics, times and what was not measured', () => {
    const target = path.join(folder, 'a', 't.safetensors');
    const writer = TraceWriter.create(target);
    writer.write('x', 'F32', [3, 2, 1, 1], Float32Array.of(1, -2, NaN, Infinity, 5, 1e-40));
    writer.write('half', 'F16', [2, 1, 1, 1], new Uint8Array(Uint16Array.of(0x3c00, 0x0001).buffer));
    writer.write('brain', 'BF16', [1, 1, 1, 1], new Uint8Array(Uint16Array.of(0xc000).buffer));
    writer.write('leaf:ids', 'I64', [2, 1, 1, 1], new Uint8Array(BigInt64Array.of(7n, -1n).buffer));
    writer.time('x', 12.5);
    writer.notMeasured({ node: 'y', op: 'SSM_SCAN', reason: 'not measured: SSM_SCAN' });
    writer.finish(info);

    const trace = TraceFile.open(target);
    expect([...trace.entries.keys()]).toEqual(['x', 'half', 'brain', 'leaf:ids']);
    expect(trace.entries.get('x')?.shape).toEqual([2, 3]);
    expect(Array.from(trace.readF32('x'))).toEqual([1, -2, NaN, Infinity, 5, Math.fround(1e-40)]);
    expect(Array.from(trace.readF32('half'))).toEqual([1, 2 ** -24]);
    expect(Array.from(trace.readF32('brain'))).toEqual([-2]);
    expect(Array.from(new BigInt64Array(trace.readRaw('leaf:ids').buffer))).toEqual([7n, -1n]);
    expect(trace.tokens).toEqual([1, 2, 3]);
    const stats = trace.manifest?.stats['x'];
    expect(stats).toMatchObject({ count: 6, min: -2, max: 5, nan: 1, inf: 1 });
    expect(stats?.first).toEqual([1, -2, NaN, Infinity, 5, Math.fround(1e-40)]);
    expect(trace.manifest?.timings).toEqual({ x: 12.5 });
    expect(trace.manifest?.notMeasured).toEqual([{ node: 'y', op: 'SSM_SCAN', reason: 'not measured: SSM_SCAN' }]);
    trace.dispose();
    expect(fs.readdirSync(path.dirname(target))).toEqual(['t.safetensors']);
  });

  it('leaves nothing behind when aborted, and keeps an older trace', () => {
    const target = path.join(folder, 't.safetensors');
    fs.writeFileSync(target, 'older');
    const writer = TraceWriter.create(target);
    writer.write('x', 'F32', [1, 1, 1, 1], Float32Array.of(1));
    writer.abort();
    expect(fs.readdirSync(folder)).toEqual(['t.safetensors']);
    expect(fs.readFileSync(target, 'utf8')).toBe('older');
  });

  it('refuses a truncated file and one of another kind with one clear line', () => {
    const target = path.join(folder, 't.safetensors');
    const writer = TraceWriter.create(target);
    writer.write('x', 'F32', [8, 1, 1, 1], new Float32Array(8));
    writer.finish(info);
    const whole = fs.readFileSync(target);
    fs.writeFileSync(target, whole.subarray(0, whole.length - 4));
    expect(() => TraceFile.open(target)).toThrow(QuarrelError);
    expect(() => TraceFile.open(target)).toThrow(/x: bytes 0…32 leave the file, which has 28 bytes/);
    fs.writeFileSync(target, 'GGUF and so on, longer than eight bytes');
    expect(() => TraceFile.open(target)).toThrow(/not a safetensors file/);
    expect(() => TraceFile.open(path.join(folder, 'absent'))).toThrow(/the trace .*absent: cannot be opened/);
  });

  it('names the checkpoint that is not there', () => {
    const target = path.join(folder, 't.safetensors');
    const writer = TraceWriter.create(target);
    writer.write('x', 'F32', [1, 1, 1, 1], new Float32Array(1));
    writer.finish(info);
    const trace = TraceFile.open(target);
    expect(() => trace.readF32('z')).toThrow(/no checkpoint z among its 1/);
    trace.dispose();
  });
});

/** A file as another engine writes it: string pairs and one tensor, no manifest. */
function foreignFile(metadata: Readonly<Record<string, unknown>>): string {
  const target = path.join(folder, 'foreign.safetensors');
  const tensor = (begin: number): object => ({ dtype: 'F32', shape: [1], data_offsets: [begin, begin + 4] });
  const header = Buffer.from(JSON.stringify({ __metadata__: metadata, x: tensor(0), 'step1/x': tensor(4) }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  fs.writeFileSync(target, Buffer.concat([length, header, Buffer.alloc(8)]));
  return target;
}

describe("a foreign dump's decode steps", () => {
  it('are one token each, as its metadata say', () => {
    const trace = TraceFile.open(foreignFile({ tokens: '[1,2]', steps: '[7, 8]' }));
    expect([trace.tokens, trace.stepTokens, trace.manifest]).toEqual([[1, 2], [[7], [8]], undefined]);
    trace.dispose();
    const list = TraceFile.open(foreignFile({ tokens: [1, 2], steps: [7] }));
    expect([list.tokens, list.stepTokens]).toEqual([[1, 2], [[7]]]);
    list.dispose();
  });

  it('are none where nothing is said', () => {
    const trace = TraceFile.open(foreignFile({ tokens: '[1,2]' }));
    expect([trace.stepTokens, trace.engine]).toEqual([[], 'unknown']);
    trace.dispose();
  });

  it.each(['7', '[[7],[8]]', '["7"]', '[7.5]', '{"a":7}', 'seven', '[7'])(
    'are refused as %s, which is quoted',
    (steps) => {
      const file = foreignFile({ tokens: '[1,2]', steps });
      expect(() => TraceFile.open(file)).toThrow(QuarrelError);
      expect(() => TraceFile.open(file)).toThrow(
        `__metadata__.steps is ${steps}; a JSON list of token ids, one per decode step, is expected`,
      );
    },
  );
});

describe('a tensor of a type that is not read', () => {
  /** A dump of one f64 tensor, and another of a type beside it. */
  function dump(name: string, dtype: string, value: number): string {
    const target = path.join(folder, name);
    const entry = (type: string, begin: number) => ({ dtype: type, shape: [1], data_offsets: [begin, begin + 8] });
    const header = Buffer.from(JSON.stringify({ x: entry('F64', 0), mask: entry(dtype, 8) }));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    fs.writeFileSync(target, Buffer.concat([length, header, new Uint8Array(Float64Array.of(value, 0).buffer)]));
    return target;
  }

  it('is not measured; the others are compared', async () => {
    const reference = dump('reference.safetensors', 'C64', 0.25);
    const candidate = dump('candidate.safetensors', 'C64', 0.25);
    const control = new Control(() => undefined);
    const report = await compareTraces({ reference, candidate, maxNmse: 1e-3 }, control);
    expect(report.nodes.map(({ key, metrics }) => [key, metrics.nmse])).toEqual([['x', 0]]);
    expect(report.notCompared.map(({ node, reason }) => `${node}: ${reason}`)).toEqual(['mask: not measured: C64']);
  });
});
