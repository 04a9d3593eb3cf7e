/** Mat-muls of right engines that add up their products in other orders and widths; decoded weights. */
import { defined } from '../../../shared/base/assert';
import type { GraphTensor } from '../../../shared/graph/graph';
import { memoryOwner, tensorOf } from '../../../shared/graph/graph';
import type { Dot } from './dots';
import type { Mutation, Turn } from './plant';
import { decodeAll, rightDecoder, weightBytes } from './plants/multiply';

/** dst[.., n][m] = dot(a row m, b row n); each matrix of A is for consecutive ones of B. */
export function multiplied(dot: Dot): Mutation {
  return (turn) => {
    const [a, b] = [shapeOf(turn, 0), shapeOf(turn, 1)];
    const isWeight = memoryOwner(turn.graph, a).role === 'weight';
    const whole = isWeight ? weightBytes(turn) : undefined;
    const x = whole ? turn.held(decodeAll(whole, rightDecoder(whole.tensor.type))) : turn.source(0);
    const y = turn.source(1);
    const [k, m, planes] = a.ne;
    const [, columns, batches] = b.ne;
    const out = new Float32Array(m * columns * batches);
    for (let row = 0; row < columns * batches; row++) {
      const plane = Math.floor(Math.floor(row / columns) / (batches / planes)) * m * k;
      for (let r = 0; r < m; r++) out[row * m + r] = dot(x, plane + r * k, y, row * k, k);
    }
    return out;
  };
}

function shapeOf({ graph, tensor }: Turn, index: number): GraphTensor {
  return tensorOf(graph, defined(tensor.src[index], 'a source'));
}
