import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShaders } from '../../src/main/lanes/shader-files';
import { openNodeSession } from '../../src/main/lanes/webgpu-node';
import type { BitTally } from '../../src/shared/gpu/bit-classes';
import { tallyBits } from '../../src/shared/gpu/bit-classes';
import { BlockDecoder } from '../../src/shared/gpu/decode-blocks';
import type { GpuSession } from '../../src/shared/gpu/gpu-session';
import type { GgmlTypeName } from '../../src/shared/quant/ggml-type';
import { GgmlType } from '../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../src/shared/quant/registry';
import { randomBytes, randomWords } from '../helpers/random';
import { blocksWithScales, ordinaryBlocks, SCALE_SLOTS, specialBlocks } from '../helpers/scales';

let session: GpuSession;
let decoder: BlockDecoder;
beforeAll(async () => {
  session = await openNodeSession();
  decoder = new BlockDecoder(session, openShaders());
});
afterAll(() => session.dispose());

const TYPES = Object.keys(GgmlType) as GgmlTypeName[];
const SCALED = TYPES.filter((type) => SCALE_SLOTS[type].length > 0);

function expected(type: GgmlTypeName, bytes: Uint8Array): Uint32Array {
  const { blockBytes, blockElements, dequantize } = supportedFormat(type);
  const blocks = bytes.length / blockBytes;
  const values = new Float32Array(blocks * blockElements);
  dequantize(bytes, 0, blocks, values, 0);
  return new Uint32Array(values.buffer);
}

async function decodeAndTally(type: GgmlTypeName, bytes: Uint8Array): Promise<BitTally> {
  const got = await decoder.decode(type, bytes);
  const want = expected(type, bytes);
  expect(got.length).toBe(want.length);
  return tallyBits(new Uint32Array(got.buffer), want);
}

/** Enough elements that most entries of every codebook turn up. */
const RANDOM_ELEMENTS = 1 << 17;

describe('decoding on the GPU has the bits of the scalar reference', () => {
  it.each(TYPES)('%s, random bytes', async (type) => {
    const { blockBytes, blockElements } = supportedFormat(type);
    const count = Math.ceil(RANDOM_ELEMENTS / blockElements);
    const { equal, flushed, nan, different } = await decodeAndTally(type, randomBytes(count * blockBytes, 3));
    expect(different).toEqual([]);
    expect(equal + flushed + nan).toBe(count * blockElements);
    expect(equal).toBeGreaterThan(0);
  });

  it.each(SCALED)('%s, ordinary scales give nothing but equal bits', async (type) => {
    const { blockElements } = supportedFormat(type);
    const tally = await decodeAndTally(type, ordinaryBlocks(type, 100, 17));
    expect(tally).toEqual({ equal: 100 * blockElements, flushed: 0, nan: 0, different: [], differences: 0 });
  });

  it.each(SCALED)('%s, zero, subnormal, negative, huge, infinite and NaN scales', async (type) => {
    const { different, flushed } = await decodeAndTally(type, specialBlocks(type));
    expect(different).toEqual([]);
    // a subnormal f16 gives normal f32 products; only these hold f32 subnormals
    if (!['BF16', 'Q8_K', 'MXFP4'].includes(type)) expect(flushed).toBe(0);
  });

  it.each(SCALED.filter((type) => SCALE_SLOTS[type][0]!.patterns <= 0x10000))(
    '%s, every pattern of a scale',
    async (type) => {
      const { patterns } = SCALE_SLOTS[type][0]!;
      const most = 1 << 13;
      for (let start = 0; start < patterns; start += most) {
        const pattern = (slot: number, b: number): number => ((start + b) * (1 + 0x5a62 * slot)) % patterns;
        const bytes = blocksWithScales(type, Math.min(most, patterns), start, pattern);
        expect((await decodeAndTally(type, bytes)).different).toEqual([]);
      }
    },
  );

  it('f32 subnormals stay or become zeros of their sign', async () => {
    const bits = Uint32Array.from([1, 0x80000001, 0x007fffff, 0x00800000, 0, 0x80000000]);
    const { equal, flushed, different } = await decodeAndTally('F32', new Uint8Array(bits.buffer));
    expect(different).toEqual([]);
    expect(equal + flushed).toBe(6);
    expect(equal).toBeGreaterThanOrEqual(3);
  });

  it('no blocks give no values', async () => {
    expect(await decoder.decode('Q4_K', new Uint8Array(0))).toEqual(new Float32Array(0));
  });
});

describe('narrowing rounds to the nearest, ties to even', () => {
  it('F64: ties, carries, subnormal results, overflow, special values', async () => {
    const around = (x: number): number[] => [x, x * (1 + 2 ** -52), x * (1 - 2 ** -53)].flatMap((y) => [y, -y]);
    const values = [0, 1 + 2 ** -24, 1 + 3 * 2 ** -24, 2 - 2 ** -25, 2 ** -126, 2 ** -149, 2 ** -150, 1.5 * 2 ** -149]
      .concat([2 ** -127 * (1 + 2 ** -23), 2 ** -151, 2 ** -200, 5e-324, 2 ** 128, 2 ** 128 - 2 ** 103, Infinity, NaN])
      .flatMap(around);
    const random = new Float64Array(randomWords(8192, 9).buffer);
    const scaled = Float64Array.from(random, (x, i) => (i % 2 === 0 ? x : Math.sign(x) * 2 ** (-160 + (i % 60)) * 1.7));
    for (const list of [Float64Array.from(values), scaled]) {
      expect((await decodeAndTally('F64', new Uint8Array(list.buffer))).different).toEqual([]);
    }
  });

  it('I64 and I32: every length, ties', async () => {
    const big = Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit)).flatMap((power) =>
      [0n, 1n, -1n, power >> 24n, (power >> 24n) + 1n, (power >> 24n) - 1n, 3n * (power >> 24n)].flatMap((step) => [
        power + step,
        -power - step,
      ]),
    );
    const i64 = BigInt64Array.from(big, (x) => BigInt.asIntN(64, x));
    expect(await decodeAndTally('I64', new Uint8Array(i64.buffer))).toMatchObject({ equal: i64.length });
    const i32 = Int32Array.from(big, (x) => Number(BigInt.asIntN(32, x)));
    expect(await decodeAndTally('I32', new Uint8Array(i32.buffer))).toMatchObject({ equal: i32.length });
  });
});
