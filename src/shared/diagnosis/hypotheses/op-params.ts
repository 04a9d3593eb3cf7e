import { f32Bits } from '../../base/float-bits';

/** The op parameters with the f32 at `index` replaced. */
export function withFloatParam(opParams: readonly number[], index: number, value: number): readonly number[] {
  return withIntParam(opParams, index, f32Bits(value) | 0);
}

/** The op parameters with the int32 at `index` replaced. */
export function withIntParam(opParams: readonly number[], index: number, value: number): readonly number[] {
  const changed = Array.from({ length: Math.max(opParams.length, index + 1) }, (_, i) => opParams[i] ?? 0);
  changed[index] = value;
  return changed;
}
