import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { isWeightSource, sourceTensor, valuesOf } from '../../site';
import { repeatsOf, rowReader } from './dot-rows';
import { F16_MAX, toF16 } from '../../narrow-floats';

/** Sums one dot product. */
type Sum = (a: Float32Array, b: Float32Array, at: number) => number;

export const HALF_SUMS: Hypothesis = {
  id: 'f16-accumulation',
  title: 'dot products are summed in f16',
  explanation:
    'Products or partial sums of the mat-mul are kept in f16: small terms vanish beside a large sum, and past 65504 the ' +
    'sum is infinite, which the next soft-max makes NaN. It shows with large activations and long sums.',
  whereToLook:
    'The accumulator’s type in your mat-mul or attention kernel (half, min16float, f16 matrix fragments): f32 is needed.',
  citations: [
    'ggml-org/llama.cpp#13975',
    'ggml-org/llama.cpp#17746',
    'ggml-org/llama.cpp#18614',
    'ggml-org/llama.cpp#24909',
    'microsoft/onnxruntime#29611',
    'ggml-org/llama.cpp#7805',
    'ggml-org/llama.cpp#8412',
  ],
  catalogue: [17, 18],
  generality: 1,
  byRange: true,
  rounds: () => ({ part: 'sums', to: 'F16' }),
  *variants(site) {
    if (site.node.kind !== 'MUL_MAT') return;
    yield summed('each product and each sum in f16', productsAndSums);
    yield summed('sums in f16', sumsOnly);
    // inside a stretch every trial of a large weight costs a run of all that follows
    if (!site.wrong && isWeightSource(site, 0)) return;
    for (const chunk of [8, 16, 32, 64])
      yield summed(`sums of ${chunk} terms in f32, added in f16`, chunksAdded(chunk));
    for (const chunk of [32, 256]) yield summed(`sums of ${chunk} terms in f16, added in f32`, chunksInHalf(chunk));
    for (const lanes of [32, 64]) yield summed(`${lanes} sums side by side in f16`, sideBySide(lanes));
    yield clamped('sums in f16, kept below 65504');
  },
};

const productsAndSums: Sum = (a, b, at) => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum = toF16(sum + toF16(toF16(a[k] as number) * toF16(b[at + k] as number)));
  return sum;
};

const sumsOnly: Sum = (a, b, at) => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum = toF16(sum + (a[k] as number) * (b[at + k] as number));
  return sum;
};

function chunksAdded(chunk: number): Sum {
  return (a, b, at) => {
    let sum = 0;
    for (let k = 0; k < a.length;) {
      let part = 0;
      for (const end = Math.min(a.length, k + chunk); k < end; k++) part += (a[k] as number) * (b[at + k] as number);
      sum = toF16(sum + part);
    }
    return sum;
  };
}

function chunksInHalf(chunk: number): Sum {
  return (a, b, at) => {
    let sum = 0;
    for (let k = 0; k < a.length;) {
      let part = 0;
      for (const end = Math.min(a.length, k + chunk); k < end; k++) {
        part = toF16(part + (a[k] as number) * (b[at + k] as number));
      }
      sum += part;
    }
    return sum;
  };
}

/** Lane l sums terms l, l + lanes …, then halves are added pairwise: a subgroup's reduction. */
function sideBySide(lanes: number): Sum {
  const sums = new Float64Array(lanes);
  return (a, b, at) => {
    sums.fill(0);
    for (let k = 0; k < a.length; k++) {
      const l = k % lanes;
      sums[l] = toF16((sums[l] as number) + (a[k] as number) * (b[at + k] as number));
    }
    for (let width = lanes >> 1; width > 0; width >>= 1) {
      for (let l = 0; l < width; l++) sums[l] = toF16((sums[l] as number) + (sums[l + width] as number));
    }
    return sums[0] as number;
  };
}

function summed(label: string, sum: Sum): Variant {
  return { label, parameters: { accumulation: label, right: 'f32' }, predict: (s) => products(s, sum) };
}

function clamped(label: string): Variant {
  const sum: Sum = (a, b, at) => {
    let total = 0;
    for (let k = 0; k < a.length; k++) {
      total = toF16(total + (a[k] as number) * (b[at + k] as number));
      total = Math.max(-F16_MAX, Math.min(F16_MAX, total));
    }
    return total;
  };
  return summed(label, sum);
}

/** The whole mat-mul, each element by `sum`. */
function products(site: Site, sum: Sum): Float32Array {
  const [n0, n1, n2, n3] = site.node.ne;
  const b = valuesOf(site, 1);
  const length = sourceTensor(site, 1)?.ne[0] ?? 0;
  const [r2, r3] = repeatsOf(site);
  const read = rowReader(site);
  const out = new Float32Array(n0 * n1 * n2 * n3);
  // a row of A is read once for all columns that share it
  for (let i3 = 0; i3 < n3; i3 += r3) {
    for (let i2 = 0; i2 < n2; i2 += r2) {
      for (let i0 = 0; i0 < n0; i0++) {
        const a = read(i0, i2 / r2, i3 / r3);
        for (let j3 = i3; j3 < i3 + r3; j3++) {
          for (let j2 = i2; j2 < i2 + r2; j2++) {
            const first = (j3 * n2 + j2) * n1;
            for (let c = first; c < first + n1; c++) out[c * n0 + i0] = sum(a, b, c * length);
          }
        }
      }
    }
  }
  return out;
}
