import { uniform } from '../../helpers/values';
import type { OpCase, OpCases } from '../op-case';

/**
 * n × n with a dominant diagonal (off it at most 1/n): random triangular matrices amplify rounding exponentially with n,
 * and then no two correct results agree.
 */
function matrix(n: number, count: number): Float32Array {
  const values = uniform(n * n * count, -1 / n, 1 / n, 1);
  const diagonal = uniform(n * count, 0.5, 2, 2);
  for (let m = 0; m < count; m++) {
    for (let i = 0; i < n; i++) {
      const sign = i % 3 === 0 ? -1 : 1;
      values[(m * n + i) * n + i] = sign * diagonal[m * n + i]!;
    }
  }
  return values;
}

interface Solve {
  readonly n: number;
  readonly columns: number;
  readonly batch?: readonly [number, number];
  readonly name?: string;
  /** The values above the diagonal, which are not to be read; ordinary ones where absent. */
  readonly above?: number;
  /** The diagonal, where it is the same throughout. */
  readonly diagonal?: number;
}

function solve(s: Solve): OpCase {
  const { n, columns, batch = [1, 1] } = s;
  return {
    kind: 'SOLVE_TRI',
    name: [`${n} × ${n}, ${columns} columns, ${batch.join(' × ')}`, s.name].filter(Boolean).join(', '),
    build: (g) => {
      const a = matrix(n, batch[0] * batch[1]);
      a.forEach((_, at) => {
        const [row, column] = [Math.floor(at / n) % n, at % n];
        if (s.above !== undefined && column > row) a[at] = s.above;
        if (s.diagonal !== undefined && column === row) a[at] = s.diagonal;
      });
      return g.op(
        'ggml_solve_tri',
        'TTbbb',
        g.f32([n, n, ...batch], a),
        g.f32([columns, n, ...batch]),
        true,
        true,
        false,
      );
    },
  };
}

export const TRIANGULAR: OpCases = [
  solve({ n: 1, columns: 3 }),
  solve({ n: 11, columns: 5 }),
  solve({ n: 17, columns: 9, batch: [2, 4] }),
  solve({ n: 31, columns: 1, batch: [1, 3] }),
  solve({ n: 64, columns: 64, batch: [2, 1] }),
  solve({ n: 79, columns: 67 }),
  solve({ n: 128, columns: 7 }),
  solve({ n: 257, columns: 2 }),
  solve({ n: 16, columns: 4, above: NaN, name: 'NaN above the diagonal' }),
  solve({ n: 16, columns: 4, above: 0, diagonal: 1, name: 'ones on the diagonal, as llama.cpp has it' }),
  solve({ n: 3, columns: 4, diagonal: 1e-12, name: 'a tiny diagonal', above: 0 }),
  solve({ n: 9, columns: 4, diagonal: -1e20, name: 'a huge diagonal', above: 0 }),
];
