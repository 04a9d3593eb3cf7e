import { QuarrelError } from '../../../base/errors';
import { decodeTensor } from '../../../gguf/decode-rows';
import type { WeightTensor } from '../../../gguf/model-source';
import { elementCount } from '../../../graph/graph';
import type { Hypothesis } from '../../hypothesis';
import { dataOf, evaluateWith, tensorOfBytes, wholeWeightOf } from './weight-site';

/** Weights with more elements are not decoded as a whole for one trial. */
const MOST_ELEMENTS = 1 << 24;

/** The same values, as F32, with rows for columns: element (k, r) is that of r + k × rows in memory. */
function transposed(data: WeightTensor): WeightTensor {
  const [k, rows] = data.ne;
  if (elementCount(data.ne) > MOST_ELEMENTS) throw new QuarrelError(`${data.name} is too large to be transposed`);
  const values = decodeTensor(data);
  const out = new Float32Array(values.length);
  for (let plane = 0; plane < values.length; plane += k * rows) {
    for (let r = 0; r < rows; r++) for (let i = 0; i < k; i++) out[plane + r * k + i] = values[plane + i * rows + r]!;
  }
  return tensorOfBytes(data.name, 'F32', data.ne, new Uint8Array(out.buffer));
}

export const TRANSPOSED_WEIGHT: Hypothesis = {
  id: 'weight-transposed',
  title: 'rows and columns of the weight are swapped',
  explanation:
    'ggml’s ne lists the fastest dimension first: a weight of ne [K, N] has N rows of K. Taken for K rows of N, or ' +
    'multiplied by without the transpose, each result is the sum over a column.',
  whereToLook:
    'The order of dimensions after reading ne (reversed against NumPy and PyTorch), transposes in the matmul call.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const weight = wholeWeightOf(site);
    if (!weight || weight.ne[0] === 1 || weight.ne[1] === 1 || elementCount(weight.ne) > MOST_ELEMENTS) return;
    yield {
      label: weight.ne[0] === weight.ne[1] ? 'square' : 'read with swapped extents',
      parameters: { rows: weight.ne[0], right: weight.ne[1] },
      needsAllRows: true,
      predict: (s) => evaluateWith(s, transposed(dataOf(s, weight))),
    };
  },
};
