import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { openModel } from '../../../src/main/files/model-file';
import { saveWeights, weightsFormat } from '../../../src/main/files/save-weights';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { Control } from '../../../src/shared/base/control';
import { CancelledError } from '../../../src/shared/base/errors';
import { decodeTensor } from '../../../src/shared/gguf/decode-rows';
import { fixtureBytes, tensorData } from '../../helpers/gguf-fixture';

const folder = mkdtempSync(join(tmpdir(), 'quarrel-save-'));
const out = join(folder, 'out');
const NAME = 'blk.0.attn_q.weight';
// Large enough for several windows.
const tensors = [{ name: NAME, type: 'Q4_K', ne: [512, 2000, 2] }] as const;
const path = join(folder, 'model.gguf');
writeFileSync(path, fixtureBytes({ tensors }));
const model = openModel(path);
const data = tensorData(tensors)[0]!;
const values = decodeTensor(model.requireTensor(NAME));
const quiet = (): Control => new Control(() => undefined);

beforeEach(() => rmSync(out, { recursive: true, force: true }));
afterAll(() => {
  model.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** The f32 after the header of an .npy file, as bytes. */
function npyData(file: string): Buffer {
  const bytes = readFileSync(file);
  return bytes.subarray(10 + bytes.readUInt16LE(8));
}

const asBytes = (floats: Float32Array): Buffer => Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength);

describe('saveWeights', () => {
  it('saves a block: bytes, or values', async () => {
    const bin = join(out, 'b.bin');
    const saved = await saveWeights(model, { tensor: NAME, index: 7, part: 'block', path: bin }, quiet());
    expect(saved).toEqual({ path: bin, bytes: 144, shape: null });
    expect(readFileSync(bin)).toEqual(Buffer.from(data.subarray(7 * 144, 8 * 144)));
    const npy = join(out, 'b.npy');
    expect(await saveWeights(model, { tensor: NAME, index: 7, part: 'block', path: npy }, quiet())).toMatchObject({
      shape: [256],
    });
    expect(npyData(npy).equals(asBytes(values.subarray(7 * 256, 8 * 256)))).toBe(true);
  });

  it('saves the row that a block lies in, of any plane', async () => {
    const index = 2 * 2345 + 1;
    const npy = join(out, 'row.npy');
    const saved = await saveWeights(model, { tensor: NAME, index, part: 'row', path: npy }, quiet());
    expect(saved.shape).toEqual([512]);
    expect(npyData(npy).equals(asBytes(values.subarray(2345 * 512, 2346 * 512)))).toBe(true);
    const bin = join(out, 'row.bin');
    await saveWeights(model, { tensor: NAME, index, part: 'row', path: bin }, quiet());
    expect(readFileSync(bin).equals(Buffer.from(data.subarray(2345 * 288, 2346 * 288)))).toBe(true);
  });

  it('saves a tensor window by window, with progress, in all formats', async () => {
    const done: number[] = [];
    const control = new Control((p) => done.push(p.done));
    const file = join(out, 't.safetensors');
    const saved = await saveWeights(model, { tensor: NAME, index: 0, part: 'tensor', path: file }, control);
    expect(saved.shape).toEqual([2, 2000, 512]);
    expect(saved.bytes).toBe(readFileSync(file).length);
    expect(done.length).toBeGreaterThan(3);
    expect(done.at(-1)).toBe(data.length);
    const trace = TraceFile.open(file);
    expect(trace.entries.get(NAME)).toMatchObject({ dtype: 'F32', shape: [2, 2000, 512] });
    expect(Buffer.from(trace.readRaw(NAME)).equals(asBytes(values))).toBe(true);
    expect(trace.metadata).toMatchObject({ part: NAME, type: 'Q4_K', model: path });
    trace.dispose();
    const bin = join(out, 't.bin');
    await saveWeights(model, { tensor: NAME, index: 0, part: 'tensor', path: bin }, quiet());
    expect(readFileSync(bin).equals(Buffer.from(data))).toBe(true);
  });

  it('leaves nothing behind when it is cancelled, and what was there before stays', async () => {
    const file = join(out, 't.npy');
    await saveWeights(model, { tensor: NAME, index: 0, part: 'block', path: file }, quiet());
    const before = readFileSync(file);
    const control: Control = new Control(() => control.cancel());
    const work = saveWeights(model, { tensor: NAME, index: 0, part: 'tensor', path: file }, control);
    await expect(work).rejects.toThrow(CancelledError);
    expect(readdirSync(out)).toEqual(['t.npy']);
    expect(readFileSync(file)).toEqual(before);
  });

  it('says what is wrong in one line', async () => {
    const save = (what: object): Promise<unknown> =>
      saveWeights(model, { tensor: NAME, index: 0, part: 'row', path: join(out, 'x.npy'), ...what }, quiet());
    await expect(save({ tensor: 'absent' })).rejects.toThrow('no tensor absent');
    await expect(save({ index: 99_999 })).rejects.toThrow('it has 8000 blocks');
    await expect(save({ path: join(out, 'x.txt') })).rejects.toThrow('.npy, .safetensors');
    await expect(save({ path: join(path, 'x.npy') })).rejects.toThrow(/cannot write .*x\.npy/);
  });
});

describe('weightsFormat', () => {
  it('goes by the name; a block of any other name is bytes', () => {
    expect(weightsFormat('a/b.NPY', 'tensor')).toBe('npy');
    expect(weightsFormat('a.b/c', 'block')).toBe('bin');
    expect(weightsFormat('block.dat', 'block')).toBe('bin');
    expect(() => weightsFormat('a.npy/c', 'row')).toThrow('is expected');
  });
});
