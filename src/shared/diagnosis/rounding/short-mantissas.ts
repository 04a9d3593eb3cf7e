/**
 * Whether values were summed in 16 bits at the end: such a sum, or a few of them added up, leaves the low bits of its f32
 * mantissa zero, where any other f32 has a last bit of one every second time.
 */
const SHORT = 6;
/** Of values with long mantissas one in 64 ends in six zeros. */
const LEAST_SHARE = 0.5;

export function hasShortMantissas(values: Float32Array): boolean {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let short = 0;
  let all = 0;
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i]! & 0x7fffffff) === 0) continue;
    all++;
    if ((bits[i]! & ((1 << SHORT) - 1)) === 0) short++;
  }
  return all > 0 && short >= LEAST_SHARE * all;
}
