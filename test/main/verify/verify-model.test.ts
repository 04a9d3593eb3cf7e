import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { OpenDevice } from '../../../src/main/verify/device-decoder';
import { parseVerifyLanes } from '../../../src/main/verify/lanes';
import type { VerifyRequest } from '../../../src/main/verify/verify-model';
import { verifyModel } from '../../../src/main/verify/verify-model';
import { ValueKernel } from '../../../src/main/verify/value-kernel';
import { openModel } from '../../../src/main/files/model-file';
import { Control } from '../../../src/shared/base/control';
import { defined } from '../../../src/shared/base/assert';
import { QuarrelError } from '../../../src/shared/base/errors';
import type { TensorVerification, VerifyReport } from '../../../src/shared/compare/decode-report';
import { decodeTensor } from '../../../src/shared/gguf/decode-rows';
import type { TensorSpec } from '../../../src/shared/gguf/write';
import { encodeGguf } from '../../../src/shared/gguf/write';
import { DeviceLostError } from '../../../src/shared/gpu/gpu-session';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { QUANT_FORMATS, supportedFormat } from '../../../src/shared/quant/registry';
import { finiteBlock } from '../../helpers/blocks';
import { tensorData } from '../../helpers/gguf-fixture';
import { ggmlBasePath } from '../../helpers/ggml-base';

const folder = mkdtempSync(join(tmpdir(), 'quarrel-verify-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TYPES = Object.keys(QUANT_FORMATS) as GgmlTypeName[];
const Q4_K = { name: 'blk.0.attn_q.weight', type: 'Q4_K', ne: [1024, 1100] } as const;
const TENSORS: readonly TensorSpec[] = [
  Q4_K,
  ...TYPES.map((type) => ({ name: `all.${type}.weight`, type, ne: [768, 5] })),
  { name: 'odd.bias', type: 'F32', ne: [13] },
];

/** Two tiles of finite Q4_K blocks; random bytes in every type. */
function writeModel(name: string): string {
  const data = tensorData(TENSORS);
  const q4k = data[0]!;
  const pattern = Array.from({ length: 61 }, (_, i) => finiteBlock('Q4_K', [0, 2], i));
  for (let b = 0; b < q4k.length / 144; b++) q4k.set(pattern[b % 61]!, b * 144);
  const path = join(folder, name);
  writeFileSync(path, encodeGguf({ metadata: [], tensors: TENSORS }, data));
  return path;
}
const path = writeModel('model.gguf');

/** A device that decodes as the scalar reference and then changes what it likes. */
function device(change: (type: GgmlTypeName, values: Float32Array) => void): OpenDevice {
  return () =>
    Promise.resolve({
      label: 'a device of the test',
      missing: (type) => (type.startsWith('IQ') ? `no WGSL decoder of ${type}` : undefined),
      decode(type, bytes) {
        const { blockBytes, blockElements, dequantize } = supportedFormat(type);
        const values = new Float32Array((bytes.length / blockBytes) * blockElements);
        dequantize(bytes, 0, bytes.length / blockBytes, values, 0);
        return Promise.resolve().then(() => {
          change(type, values);
          return values;
        });
      },
      dispose: () => undefined,
    });
}
const noChange = device(() => undefined);

function verify(
  lanes: string,
  request: Partial<VerifyRequest> = {},
  openDevice: OpenDevice = noChange,
  control = new Control(() => undefined),
): Promise<VerifyReport> {
  return verifyModel({ modelPath: path, lanes: parseVerifyLanes(lanes.split(',')), ...request }, openDevice, control);
}

const tensorOf = (report: VerifyReport, name: string): TensorVerification =>
  defined(
    report.tensors.find((t) => t.name === name),
    name,
  );

/** The report without what depends on the clock and the threads. */
function timeless(report: VerifyReport): unknown {
  const lanes = report.lanes.map((lane) => ({ ...lane, decodeSeconds: 0 }));
  return { ...report, seconds: 0, valuesPerSecond: 0, threads: 0, lanes };
}

describe.skipIf(ggmlBasePath() === undefined)('verify with libggml-base as the judge', () => {
  it('finds scalar and WASM equal on random blocks of every type; says which types the library cannot judge', async () => {
    const report = await verify('scalar,wasm,llama');
    expect(report.lanes.map(({ lane, verdict, mismatches }) => ({ lane, verdict, mismatches }))).toEqual([
      { lane: 'scalar', verdict: 'equal', mismatches: 0 },
      { lane: 'wasm', verdict: 'equal', mismatches: 0 },
      { lane: 'llama', verdict: 'judge', mismatches: 0 },
    ]);
    const byScalar = report.tensors.filter((t) => t.judge === 'scalar').map((t) => t.type);
    expect(byScalar.sort()).toEqual(['F64', 'I16', 'I32', 'I64', 'I8', 'Q8_1']);
    const reasons = report.notMeasured.filter((n) => n.lane === 'llama').map((n) => n.reason);
    expect(reasons.sort()).toEqual(byScalar.map((type) => `llama.cpp has no decoder of ${type}`));
    expect(report.totals).toMatchObject({ tensors: TENSORS.length, mismatches: 0 });
  });

  it('gives the same report with one thread as with two', async () => {
    const one = await verify('scalar', { threads: 1 });
    expect(timeless(await verify('scalar', { threads: 2 }))).toEqual(timeless(one));
  });

  it('takes statistics and hash of the decoded values, over tiles', async () => {
    const { statistics, hash } = tensorOf(await verify('llama', { tensors: Q4_K.name }), Q4_K.name);
    const model = openModel(path);
    const values = decodeTensor(model.requireTensor(Q4_K.name));
    model.dispose();
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    expect(statistics).toMatchObject({ count: values.length, nan: 0, infinite: 0 });
    expect(statistics!.min).toBe(values.reduce((a, b) => Math.min(a, b)));
    expect(statistics!.max).toBe(values.reduce((a, b) => Math.max(a, b)));
    // f64 sums of n values, in another order than here, are off by at most n × 2⁻⁵³ of the sum of magnitudes
    const bound = values.length * 2 ** -53 * Math.max(-statistics!.min!, statistics!.max!);
    expect(Math.abs(statistics!.mean! - mean)).toBeLessThan(bound);
    expect(Math.abs(statistics!.std! - Math.sqrt(variance))).toBeLessThan(bound);
    expect(hash).toBe(hashByTheBook(values));
  });
});

/** The docstring of TensorVerification.hash in code; a window of the kernel is too small for a tile, so it is streamed. */
function hashByTheBook(values: Float32Array): string {
  const kernel = new ValueKernel();
  const tiles: bigint[] = [];
  for (let at = 0; at < values.length; at += 1 << 20) {
    kernel.reset();
    const tile = values.subarray(at, at + (1 << 20));
    const step = 1000;
    for (let i = 0; i < tile.length; i += step) {
      const part = tile.subarray(i, i + step);
      kernel.judge.set(part);
      kernel.add(part.length);
    }
    tiles.push(kernel.hash(tile.length % step));
  }
  const bytes = new Uint8Array(BigUint64Array.from(tiles).buffer);
  return kernel.hashOf(bytes).toString(16).padStart(16, '0');
}

describe('a wrong device', () => {
  it('is reported with block, coordinates, sub-block and shape, beside a right CPU lane', async () => {
    let tile = 0;
    const wrong = device((_type, values) => {
      if (tile++ !== 1) return; // the second tile of the tensor only
      for (const block of [3, 7]) for (let e = 128; e < 192; e++) values[block * 256 + e]! += block === 7 ? 2 : 1;
    });
    const report = await verify('scalar,webgpu', { tensors: Q4_K.name }, wrong);
    const [scalar, gpu] = tensorOf(report, Q4_K.name).lanes;
    expect(scalar).toMatchObject({ lane: 'scalar', verdict: 'equal', mismatches: 0, shape: null, first: [] });
    const block = (1 << 20) / 256;
    expect(gpu).toMatchObject({
      verdict: 'different',
      mismatches: 128,
      badBlocks: 2,
      shape: { blockElements: 256, subBlockElements: 32, elements: [[128, 191]], subBlocks: [4, 5] },
    });
    expect(gpu!.first.map((b) => b.block)).toEqual([block + 3, block + 7]);
    expect(gpu!.first[0]).toMatchObject({ tensor: Q4_K.name, row: 1024, column: 3 * 256, mismatches: 64 });
    expect(gpu!.worst[0]).toMatchObject({ block: block + 7, row: 1025, column: 3 * 256, elements: [[128, 191]] });
    const { worst } = gpu!.worst[0]!;
    expect(worst.subBlock).toBe(Math.floor(worst.element / 32));
    expect(worst.column).toBe(3 * 256 + worst.element);
    expect(worst.lane as number).toBeCloseTo((worst.judge as number) + 2, 5);
    expect(report.lanes.find((l) => l.lane === 'webgpu')).toMatchObject({ verdict: 'different', badTensors: 1 });
  });

  it('may flush subnormal results: counted apart, and still equal', async () => {
    const flushing = device((_type, values) => {
      for (let i = 0; i < values.length; i++)
        if (Math.abs(values[i]!) < 2 ** -126) values[i] = values[i]! < 0 ? -0 : values[i]! > 0 ? 0 : values[i]!;
    });
    const report = await verify('webgpu', { tensors: 'all.BF16.weight' }, flushing);
    const { verdict, counts, mismatches } = report.lanes[0]!;
    expect({ verdict, mismatches }).toEqual({ verdict: 'equal', mismatches: 0 });
    expect(counts.flushedSubnormal).toBe(tensorOf(report, 'all.BF16.weight').statistics!.subnormal);
    expect(counts.flushedSubnormal).toBeGreaterThan(0);
  });

  it('is not measured, never equal, where it has no decoder, fails on a type, or is lost', async () => {
    let calls = 0;
    const dying = device((type) => {
      if (type === 'Q8_0') throw new QuarrelError('q8_0.wgsl does not compile');
      if (++calls > 4) throw new DeviceLostError('driver reset');
    });
    const report = await verify('scalar,webgpu', { tensors: 'all.*' }, dying);
    const gpu = report.tensors.map((t) => [t.type, t.lanes[1]!] as const);
    expect(gpu.filter(([, lane]) => lane.verdict === 'equal')).toHaveLength(4);
    expect(gpu.every(([, lane]) => lane.verdict === 'equal' || lane.verdict === 'not-measured')).toBe(true);
    const reasons = new Map(gpu.map(([type, lane]) => [type, lane.reason]));
    expect(reasons.get('F32')).toBeNull();
    expect([...reasons.values()]).toContain('the device was lost: driver reset');
    expect(report.notMeasured.filter((n) => n.lane === 'webgpu')).toHaveLength(TYPES.length - 4);
    expect(report.lanes[0]).toMatchObject({ lane: 'scalar', tensors: TYPES.length, mismatches: 0 });
  });

  it('that cannot be opened is not measured, with the reason', async () => {
    const absent: OpenDevice = () => Promise.reject(new QuarrelError('WebGPU finds no adapter'));
    const report = await verify('webgpu,scalar', { tensors: 'all.Q4_0*' }, absent);
    expect(report.lanes[0]).toMatchObject({
      verdict: 'not-measured',
      reason: 'WebGPU finds no adapter',
      tensors: 0,
      values: 0,
    });
    expect(report.lanes[1]?.verdict).toBe(ggmlBasePath() === undefined ? 'judge' : 'equal');
  });
});

describe('findings', () => {
  it('name the blocks with NaN and infinite scales, and values that are no numbers', async () => {
    const tensors: TensorSpec[] = [
      { name: 'nan.weight', type: 'Q4_K', ne: [512, 3] },
      { name: 'inf.weight', type: 'F32', ne: [4, 3] },
    ];
    const q4k = new Uint8Array(6 * 144);
    for (let b = 0; b < 6; b++) q4k.set(finiteBlock('Q4_K', [0, 2], b), b * 144);
    q4k.set([0x01, 0x7e], 3 * 144); // d of block 3: NaN
    q4k.set([0x00, 0xfc], 5 * 144 + 2); // dmin of block 5: -infinity
    const f32 = Float32Array.of(1, 2, 3, 4, 5, 6, -Infinity, 8, NaN, 10, 11, 12);
    const file = join(folder, 'odd.gguf');
    writeFileSync(file, encodeGguf({ metadata: [], tensors }, [q4k, new Uint8Array(f32.buffer)]));
    const { findings } = await verify('scalar', { modelPath: file });
    expect(findings.map(({ severity, code, tensor, blocks }) => ({ severity, code, tensor, blocks }))).toEqual([
      { severity: 'error', code: 'nan-scale', tensor: 'nan.weight', blocks: [3] },
      { severity: 'error', code: 'infinite-scale', tensor: 'nan.weight', blocks: [5] },
      { severity: 'error', code: 'non-finite-value', tensor: 'inf.weight', blocks: undefined },
    ]);
    expect(findings[0]?.message).toContain('block 3 (row 1, columns from 256)');
    expect(findings[2]?.message).toContain('1 NaN and 1 infinite values, first at [2, 1, 0, 0]');
  });

  it('include what the parser found, and tensors outside the file are not measured', async () => {
    const file = join(folder, 'short.gguf');
    copyFileSync(path, file);
    truncateSync(file, openSize(path) - 100_000);
    const report = await verify('scalar', { modelPath: file, tensors: 'all.*' });
    const outside = report.findings.filter((f) => f.code === 'outside-file');
    expect(outside.map((f) => f.message)).toEqual([
      expect.stringMatching(/^the file ends at byte \d+ of \d+: the data of \d+ tensors are not all there/),
    ]);
    const unread = report.notMeasured.filter((n) => n.lane === null);
    expect(unread.length).toBeGreaterThan(1);
    expect(unread[0]?.tensor).toBe(outside[0]?.tensor);
  });
});

function openSize(file: string): number {
  const model = openModel(file);
  const { fileSize } = model.gguf;
  model.dispose();
  return fileSize;
}

describe('sample, globs, cancel', () => {
  it('checks evenly spread runs, with the coordinates of the tensor, and gives no hash', async () => {
    const wrong = device((_type, values) => {
      values[values.length - 1]! += 1;
    });
    const report = await verify('scalar,webgpu', { tensors: Q4_K.name, sample: 10 }, wrong);
    const tensor = tensorOf(report, Q4_K.name);
    expect(tensor).toMatchObject({ values: 2560, hash: null, statistics: { count: 2560 } });
    expect(tensor.lanes[1]?.first).toMatchObject([{ block: 4399, row: 1099, column: 768, elements: [[255, 255]] }]);
  });

  it('samples tensors of single values and odd lengths', async () => {
    const report = await verify('scalar,wasm', { sample: 2 });
    expect(report.totals.mismatches).toBe(0);
    expect(tensorOf(report, 'all.F32.weight').values).toBe(512);
    expect(tensorOf(report, 'odd.bias').values).toBe(13);
  });

  it('refuses a glob that matches nothing', async () => {
    await expect(verify('scalar', { tensors: 'blk.7.*' })).rejects.toThrow(/no tensor matches "blk\.7\.\*" among its/);
  });

  it('stops when cancelled', async () => {
    let seen = 0;
    const control: Control = new Control((p) => {
      seen = p.done;
      control.cancel();
    });
    await expect(verify('scalar', { threads: 1 }, noChange, control)).rejects.toMatchObject({ name: 'CancelledError' });
    expect(seen).toBe(1 << 20);
  });
});
