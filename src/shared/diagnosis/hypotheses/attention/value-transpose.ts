import type { Hypothesis } from '../../hypothesis';
import { evaluateChanged, sourceTensor, valuesOf } from '../../site';
import { isAttentionProduct } from './source-values';

export const VALUE_TRANSPOSE: Hypothesis = {
  id: 'value-transpose',
  title: 'V (or K) is read transposed',
  explanation:
    'The product takes rows over keys of V, [n_kv, head_dim]. Where the cache holds [head_dim, n_kv] and is read without ' +
    'the transpose, or is transposed once more, each sum runs over mixed channels and keys.',
  whereToLook:
    'Whether V is stored transposed (without flash attention llama.cpp does so), and the strides with which it is read.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const t = sourceTensor(site, 0);
    if (!t || !isAttentionProduct(site) || t.ne[0] < 2 || t.ne[1] < 2) return;
    const [n, rows] = t.ne;
    const variant = (label: string, from: (k: number, i: number) => number) => ({
      label,
      parameters: { rows: `${rows} of ${n}` },
      predict: (s: typeof site) => {
        const values = valuesOf(s, 0);
        const out = new Float32Array(values.length);
        for (let plane = 0; plane < values.length; plane += n * rows) {
          for (let i = 0, at = plane; i < rows; i++) {
            for (let k = 0; k < n; k++) out[at++] = values[plane + from(k, i)] as number;
          }
        }
        return evaluateChanged(s, { sources: new Map([[0, out]]) });
      },
    });
    // element e of the other layout: column e / rows, row e % rows
    yield variant('not transposed', (k, i) => {
      const e = k + n * i;
      return Math.floor(e / rows) + n * (e % rows);
    });
    if (n !== rows) {
      yield variant('transposed once more', (k, i) => i + rows * k);
    }
  },
};
