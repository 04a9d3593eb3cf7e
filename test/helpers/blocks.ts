import { defined } from '../../src/shared/base/assert';
import type { GgmlTypeName } from '../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../src/shared/quant/registry';
import { randomBytes } from './random';

/** A random block whose f16 scales (at `halfOffsets`) are finite and of ordinary size. */
export function finiteBlock(type: GgmlTypeName, halfOffsets: readonly number[], seed: number): Uint8Array<ArrayBuffer> {
  const block = randomBytes(supportedFormat(type).blockBytes, seed + 1);
  for (const offset of halfOffsets) block[offset + 1] = (block[offset + 1]! & 0x83) | 0x2c; // 2⁻⁴ ≤ |scale| < 2⁻³
  return block;
}

export function decodeBlock(type: GgmlTypeName, block: Uint8Array): Float32Array {
  const { blockElements, dequantize } = supportedFormat(type);
  const values = new Float32Array(blockElements);
  dequantize(block, 0, 1, values, 0);
  return values;
}

/** Values of a field that the inspector shows. */
export function fieldValues(type: GgmlTypeName, block: Uint8Array, name: string): readonly number[] {
  const field = supportedFormat(type)
    .fields(block)
    .find((candidate) => candidate.name === name);
  return defined(field, `field ${name} of ${type}`).values;
}
