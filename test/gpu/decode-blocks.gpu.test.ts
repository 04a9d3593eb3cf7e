import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShaders } from '../../src/main/lanes/shader-files';
import { openNodeSession } from '../../src/main/lanes/webgpu-node';
import { BlockDecoder } from '../../src/shared/gpu/decode-blocks';
import type { GpuSession } from '../../src/shared/gpu/gpu-session';
import type { BlockType } from '../../src/shared/gpu/shader-variant';
import { supportedFormat } from '../../src/shared/quant/registry';
import { randomBytes, randomWords } from '../helpers/random';

let session: GpuSession;
let decoder: BlockDecoder;
beforeAll(async () => {
  session = await openNodeSession();
  decoder = new BlockDecoder(session, openShaders());
});
afterAll(() => session.dispose());

/** Byte offsets of the f16 scales in a block. */
const SCALES: Record<BlockType, readonly number[]> = {
  F32: [],
  F16: [0],
  BF16: [],
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
};
const TYPES = Object.keys(SCALES) as BlockType[];

/** f16 scales: normal, extreme, subnormal, zero, of both signs. */
const FINITE = [0x3c00, 0xbc00, 0x7bff, 0xfbff, 0x0400, 0x8400, 0x03ff, 0x83ff, 0x0001, 0x8001, 0x0000, 0x8000];
const NOT_FINITE = [0x7c00, 0xfc00, 0x7e00, 0xfe00, 0x7c01, 0x7fff];

function blocksWith(type: BlockType, count: number, scales: readonly number[]): Uint8Array {
  const { blockBytes } = supportedFormat(type);
  const bytes = randomBytes(count * blockBytes, 11);
  const choice = randomWords(2 * count, 5);
  for (let block = 0; block < count; block++) {
    SCALES[type].forEach((at, i) => {
      const half = scales[(choice[2 * block + i]! >>> 8) % scales.length]!;
      bytes[block * blockBytes + at] = half & 0xff;
      bytes[block * blockBytes + at + 1] = half >> 8;
    });
  }
  return bytes;
}

function expected(type: BlockType, bytes: Uint8Array): Uint32Array {
  const { blockBytes, blockElements, dequantize } = supportedFormat(type);
  const blocks = bytes.length / blockBytes;
  const values = new Float32Array(blocks * blockElements);
  dequantize(bytes, 0, blocks, values, 0);
  return new Uint32Array(values.buffer);
}

interface Tally {
  readonly equal: number;
  readonly flushed: number;
  readonly nan: number;
  /** Indices that differ in any other way. */
  readonly wrong: readonly number[];
}

/** Equal bits; a subnormal that became a zero of its sign; a NaN whose payload may differ; or wrong. */
function tally(got: Uint32Array, want: Uint32Array): Tally {
  let equal = 0;
  let flushed = 0;
  let nan = 0;
  const wrong: number[] = [];
  want.forEach((bits, i) => {
    const magnitude = bits & 0x7fffffff;
    if (got[i] === bits) equal++;
    else if (magnitude < 0x00800000 && (got[i]! & 0x7fffffff) === 0) flushed++;
    else if (magnitude > 0x7f800000 && (got[i]! & 0x7fffffff) > 0x7f800000) nan++;
    else wrong.push(i);
  });
  return { equal, flushed, nan, wrong };
}

async function decodeAndTally(type: BlockType, bytes: Uint8Array): Promise<Tally> {
  const got = await decoder.decode(type, bytes);
  const want = expected(type, bytes);
  expect(got.length).toBe(want.length);
  return tally(new Uint32Array(got.buffer), want);
}

describe('decoding on the GPU has the bits of the scalar reference', () => {
  it.each(TYPES)('%s, scales normal, subnormal, negative, zero', async (type) => {
    const bytes = blocksWith(type, 300, FINITE);
    const { equal, flushed, nan, wrong } = await decodeAndTally(type, bytes);
    expect(wrong).toEqual([]);
    expect(equal + flushed + nan).toBe(300 * supportedFormat(type).blockElements);
    // only random floats themselves can be f32 subnormals or NaN: a subnormal f16 scale gives normal f32 products
    if (SCALES[type].length > 0) expect({ flushed, nan }).toEqual({ flushed: 0, nan: 0 });
  });

  it.each(TYPES.filter((type) => SCALES[type].length > 0))('%s, infinite and NaN scales', async (type) => {
    const { wrong, flushed } = await decodeAndTally(type, blocksWith(type, 60, NOT_FINITE));
    expect({ wrong, flushed }).toEqual({ wrong: [], flushed: 0 });
  });

  it('every f16, by its bits', async () => {
    const halves = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
    const { wrong, flushed } = await decodeAndTally('F16', new Uint8Array(halves.buffer));
    expect({ wrong, flushed }).toEqual({ wrong: [], flushed: 0 });
  });

  it('f32 subnormals stay or become zero', async () => {
    const bits = Uint32Array.from([1, 0x80000001, 0x007fffff, 0x00800000, 0, 0x80000000]);
    const { equal, flushed, wrong } = await decodeAndTally('F32', new Uint8Array(bits.buffer));
    expect(wrong).toEqual([]);
    expect(equal + flushed).toBe(6);
  });

  it('no blocks give no values', async () => {
    expect(await decoder.decode('Q4_K', new Uint8Array(0))).toEqual(new Float32Array(0));
  });
});
