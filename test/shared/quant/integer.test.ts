import { describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../../src/shared/quant/registry';
import { fieldValues } from '../../helpers/blocks';
import { describeWindows } from '../../helpers/decoder-suite';
import { randomBytes } from '../../helpers/random';

for (const type of ['I8', 'I16', 'I32', 'I64'] as const) describeWindows(type);

function decode(type: GgmlTypeName, bytes: Uint8Array): number[] {
  const { blockBytes, dequantize } = supportedFormat(type);
  const values = new Float32Array(bytes.length / blockBytes);
  dequantize(bytes, 0, values.length, values, 0);
  return Array.from(values);
}

/** The f32 nearest to an integer, ties to even, in exact arithmetic. */
function nearestF32(x: bigint): number {
  const magnitude = x < 0n ? -x : x;
  const drop = BigInt(Math.max(0, magnitude.toString(2).length - 24));
  const kept = magnitude >> drop;
  const rest = magnitude - (kept << drop);
  const half = drop === 0n ? 1n : 1n << (drop - 1n);
  const up = rest > half || (rest === half && (kept & 1n) === 1n) ? 1n : 0n;
  return Number((kept + up) << drop) * (x < 0n ? -1 : 1);
}

/** Around every power of two, every tie there, and the neighbours of those: where rounding twice goes wrong. */
function edges(bits: bigint): bigint[] {
  const found: bigint[] = [0n];
  for (let power = 0n; power < bits - 1n; power++) {
    const base = 1n << power;
    const step = power > 23n ? 1n << (power - 23n) : 1n;
    for (const at of [base, base + step / 2n, base + step, base + step + step / 2n, base - step / 4n]) {
      for (const near of [at - 1n, at, at + 1n, at + 2n ** 10n, at - 2n ** 10n]) found.push(near, -near);
    }
  }
  const limit = 1n << (bits - 1n);
  return [...found.filter((x) => x >= -limit && x < limit), limit - 1n, -limit];
}

describe('integers', () => {
  it('of 8 and 16 bits are kept exactly', () => {
    const shorts = Int16Array.from({ length: 0x10000 }, (_, i) => i - 0x8000);
    expect(decode('I16', new Uint8Array(shorts.buffer))).toEqual(Array.from(shorts));
    const bytes = Int8Array.from({ length: 256 }, (_, i) => i - 128);
    expect(decode('I8', new Uint8Array(bytes.buffer))).toEqual(Array.from(bytes));
  });

  it('of 32 bits are rounded once', () => {
    const values = [...edges(32n), ...Array.from(new Int32Array(randomBytes(40_000, 1).buffer), BigInt)];
    const bytes = new Uint8Array(Int32Array.from(values, Number).buffer);
    expect(decode('I32', bytes)).toEqual(values.map(nearestF32));
  });

  it('of 64 bits are rounded once', () => {
    const values = [...edges(64n), ...Array.from(new BigInt64Array(randomBytes(80_000, 2).buffer))];
    const bytes = new Uint8Array(BigInt64Array.from(values).buffer);
    expect(decode('I64', bytes)).toEqual(values.map(nearestF32));
  });

  it('show their value', () => {
    expect(fieldValues('I8', Uint8Array.of(0xfe), 'value')).toEqual([-2]);
    expect(fieldValues('I16', Uint8Array.of(0xfe, 0xff), 'value')).toEqual([-2]);
    expect(fieldValues('I32', Uint8Array.of(1, 2, 0, 0x80), 'value')).toEqual([-0x80000000 + 0x201]);
    expect(fieldValues('I64', Uint8Array.of(1, 0, 0, 0, 1, 0, 0, 0), 'value')).toEqual([2 ** 32 + 1]);
  });
});
