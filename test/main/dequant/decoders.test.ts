import { describe, expect, it } from 'vitest';
import { DecodeMemory } from '../../../src/main/dequant/decode-memory';
import { WasmDecoder } from '../../../src/main/dequant/wasm-decoder';
import type { DequantizeBlocks } from '../../../src/shared/quant/format';
import { GgmlType } from '../../../src/shared/quant/ggml-type';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../../src/shared/quant/registry';
import { describeDecoder, describeWindows, differences } from '../../helpers/decoder-suite';
import { randomBytes } from '../../helpers/random';
import { specialBlocks } from '../../helpers/scales';

const memory = new DecodeMemory();
const slot = memory.lease(1 << 16);
const decoder = new WasmDecoder(memory.handle());
const TYPES = Object.keys(GgmlType) as GgmlTypeName[];

/** Types that the library has no decoder function for: the scalar reference is the judge. */
const WITHOUT_FUNCTION: readonly GgmlTypeName[] = ['F32', 'F64', 'I8', 'I16', 'I32', 'I64', 'Q8_1'];

/** Types whose NaN payloads survive: bits are moved. */
const MOVED: readonly GgmlTypeName[] = ['F16', 'BF16', 'F32'];

function decode(dequantize: DequantizeBlocks, type: GgmlTypeName, bytes: Uint8Array): Float32Array {
  const { blockBytes, blockElements } = supportedFormat(type);
  const values = new Float32Array((bytes.length / blockBytes) * blockElements);
  dequantize(bytes, 0, bytes.length / blockBytes, values, 0);
  return values;
}

for (const type of TYPES) {
  const dequantize = decoder.dequantize(type, slot);
  const exactNaN = MOVED.includes(type);
  if (WITHOUT_FUNCTION.includes(type)) describeWindows(type, { lane: 'wasm', dequantize });
  else describeDecoder(type, { lane: 'wasm', dequantize, exactNaN });

  describe(`${type} (wasm) against the scalar reference`, () => {
    const { blockBytes, blockElements, dequantize: reference } = supportedFormat(type);
    const sameBits = (bytes: Uint8Array): void => {
      const scalar = decode(reference, type, bytes);
      expect(differences(decode(dequantize, type, bytes), scalar, exactNaN)).toEqual([]);
    };

    it('decodes any number of blocks to equal bits', () => {
      // Odd counts: vectors of elements end somewhere. The last one takes several windows.
      for (const blocks of [1, 2, 3, 7, 13, Math.ceil(200_001 / blockElements)]) {
        sameBits(randomBytes(blocks * blockBytes, blocks));
      }
    });

    it('decodes special scales to equal bits', () => {
      sameBits(specialBlocks(type));
    });
  });
}

/** Where conversions round: around powers of two and the ties between f32 values. */
const INTEGERS: readonly bigint[] = Array.from({ length: 63 }, (_, i) => 1n << BigInt(i)).flatMap((power) =>
  [power, power + (power >> 24n), power + 3n * (power >> 24n)].flatMap((x) => [x - 1n, x, x + 1n, -x, -x - 1n]),
);

it.each(['I32', 'I64'] as const)('%s is rounded once', (type) => {
  const bytes = new Uint8Array(
    type === 'I64'
      ? BigInt64Array.from(INTEGERS).buffer
      : Int32Array.from(INTEGERS, (x) => Number(x & 0xffffffffn)).buffer,
  );
  const scalar = decode(supportedFormat(type).dequantize, type, bytes);
  expect(differences(decode(decoder.dequantize(type, slot), type, bytes), scalar, true)).toEqual([]);
});

it('F16 holds for every bit pattern, NaN payloads included', () => {
  const bytes = new Uint8Array(Uint16Array.from({ length: 0x10000 }, (_, i) => i).buffer);
  const scalar = decode(supportedFormat('F16').dequantize, 'F16', bytes);
  expect(differences(decode(decoder.dequantize('F16', slot), 'F16', bytes), scalar, true)).toEqual([]);
});
