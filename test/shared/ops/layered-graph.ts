import type { JobControl } from '../../../src/shared/base/progress';
import type { WeightSource } from '../../../src/shared/gguf/model-source';
import type { Dims, Graph } from '../../../src/shared/graph/graph';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { MemoryTrace } from '../trace/memory-trace';
import { GraphBuilder, weightsOf } from './graph-builder';
import { floatBits, randomValues } from './op-helpers';

export const freely: JobControl = {
  progress: () => undefined,
  throwIfCancelled: () => undefined,
  onCancel: () => () => undefined,
};

const WIDTH = 4;
const CELLS = 6;
const VOCABULARY = 5;
const LAYERS = 3;
const SQUARE: Dims = [WIDTH, WIDTH, 1, 1];

/**
 * Three layers with attention's way of handling memory: rows written into a cache and read back through views, a result
 * in place, and a last layer that has no cache of its own and reads that of layer 0 (shared KV).
 */
export function layeredGraph(tokens: number): Graph {
  const g = new GraphBuilder();
  const rows: Dims = [WIDTH, tokens, 1, 1];
  const cache: Dims = [WIDTH, CELLS, 1, 1];
  const x = g.leaf('input', 'x', rows);
  const cells = g.leaf('input', 'cells', [tokens, 1, 1, 1], 'I32');
  const caches = [0, 1].map((l) => g.leaf('state', `cache_k_l${l}`, cache, 'F16'));
  let current = g.node('embd', 'ADD', rows, [x, g.leaf('weight', 'bias', [WIDTH, 1, 1, 1])]);
  for (let l = 0; l < LAYERS; l++) {
    const q = g.node(`q-${l}`, 'MUL_MAT', rows, [g.leaf('weight', `wq${l}`, SQUARE), current]);
    const own = l % caches.length;
    const state = caches[own];
    if (l < caches.length) {
      const k = g.node(`k-${l}`, 'MUL_MAT', rows, [g.leaf('weight', `wk${l}`, SQUARE), current]);
      g.node(`cache_k_l${l} (view)`, 'SET_ROWS', cache, [k, cells], { type: 'F16', viewOf: state! });
    }
    const read = g.node(`cache_k_l${own} (view) for ${l}`, 'VIEW', cache, [state], { type: 'F16', viewOf: state! });
    const kq = g.node(`kq-${l}`, 'MUL_MAT', [CELLS, tokens, 1, 1], [read, q]);
    const scaled = { params: [floatBits(0.5), 0], viewOf: kq };
    const soft = g.node(`node_${l}`, 'SCALE', [CELLS, tokens, 1, 1], [kq], scaled);
    const kqv = g.node(`kqv-${l}`, 'MUL_MAT', rows, [g.leaf('weight', `wv${l}`, [CELLS, WIDTH, 1, 1]), soft]);
    current = g.node(`l_out-${l}`, 'ADD', rows, [kqv, current]);
  }
  const norm = g.node('result_norm', 'RMS_NORM', rows, [current], { params: [floatBits(1e-5)] });
  const head = g.leaf('weight', 'head', [WIDTH, VOCABULARY, 1, 1]);
  g.node('result_output', 'MUL_MAT', [VOCABULARY, tokens, 1, 1], [head, norm]);
  return g.build();
}

/** Its weights. */
export function layeredWeights(): WeightSource {
  const { tensors } = layeredGraph(1);
  const leaves = tensors.filter((t) => t.role === 'weight');
  return weightsOf(
    Object.fromEntries(
      leaves.map(({ name, ne }, i): [string, { type: GgmlTypeName; ne: Dims; bytes: Uint8Array }] => {
        const values = randomValues(ne[0] * ne[1], 100 + i);
        return [name, { type: 'F32', ne, bytes: new Uint8Array(values.buffer) }];
      }),
    ),
  );
}

/** Its inputs for tokens that go into the cache from cell `past` on. */
export function layeredInputs(tokens: number, past = 0): MemoryTrace {
  return MemoryTrace.of('the capture', {
    'leaf:x': randomValues(WIDTH * tokens, 7 + past),
    'leaf:cells': Int32Array.from({ length: tokens }, (_, i) => past + i),
  });
}
