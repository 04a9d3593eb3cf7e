import type { Hypothesis, Variant } from '../../hypothesis';
import { toBf16, toF16 } from '../../narrow-floats';
import { centreOf, factorOf, isRowNorm, rowNormOf, scaleRows } from './norm-site';

type Round = (x: number) => number;

const keep: Round = (x) => x;

export const NORM_PRECISION: Hypothesis = {
  id: 'norm-precision',
  title: 'norm statistics in half precision',
  explanation:
    'The squares of the norm, or their sum, are kept in 16 bits. In f16 a sum past 65504 is infinite and the row ' +
    'becomes zero; below, every row is off by one small factor.',
  whereToLook: 'The type of the accumulator in the norm’s reduction; models with large activations need f32.',
  citations: ['ggml-org/llama.cpp#18614', 'ggml-org/llama.cpp#27321'],
  catalogue: [18, 19],
  generality: 1,
  *variants({ node: { kind } }) {
    if (!isRowNorm(kind)) return;
    yield summed('squares and sum in f16', toF16, toF16);
    yield summed('squares in f16', toF16, keep);
    yield summed('sum in f16', keep, toF16);
    yield summed('squares and sum in bf16', toBf16, toBf16);
  },
};

/** @param square rounds each square @param sum rounds each partial sum and the mean */
function summed(label: string, square: Round, sum: Round): Variant {
  return {
    label,
    parameters: { done: label, right: 'f32' },
    predict: (s) => {
      const norm = rowNormOf(s);
      const { kind, x, n, eps } = norm;
      return scaleRows(norm, (_, row) => {
        const centre = centreOf(kind, x, row * n, n);
        let total = 0;
        for (let i = row * n; i < (row + 1) * n; i++) total = sum(total + square((x[i]! - centre) ** 2));
        return factorOf(kind, total, n, eps);
      });
    },
  };
}
