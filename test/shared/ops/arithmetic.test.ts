import { describe, expect, it } from 'vitest';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../../src/shared/base/float-bits';
import type { Dims } from '../../../src/shared/graph/graph';
import { gatherF32 } from '../../../src/shared/ops/operand';
import { build, elementAt, randomValues, runOp, tensor } from './op-helpers';

const ROUND = {
  f16: (x: number) => f16ToF32(f32ToF16(x)),
  bf16: (x: number) => bf16ToF32(f32ToBf16(x)),
} as const;

describe.each(['f16', 'bf16'] as const)('%s activations', (arithmetic) => {
  const round = ROUND[arithmetic];
  const ne: Dims = [8, 2, 1, 1];
  const a = randomValues(16, 1);
  const b = randomValues(16, 2);

  it('rounds what goes in and what comes out', () => {
    const expected = build(ne, (i) => round(Math.fround(round(elementAt(a, ne, i)) * round(elementAt(b, ne, i)))));
    expect(runOp({ kind: 'MUL', ne, src: [tensor(ne, a), tensor(ne, b)], arithmetic })).toEqual(expected);
  });

  it('rounds both sides of a mat-mul of activations, accumulates exactly, and rounds the result', () => {
    const got = runOp({ kind: 'MUL_MAT', ne: [2, 2, 1, 1], src: [tensor(ne, a), tensor(ne, b)], arithmetic });
    const expected = build([2, 2, 1, 1], ([i0, i1]) => {
      let sum = 0;
      for (let k = 0; k < 8; k++) sum += round(a[i0 * 8 + k]!) * round(b[i1 * 8 + k]!);
      return round(Math.fround(sum));
    });
    expect(got).toEqual(expected);
  });

  it('leaves the sources themselves alone', () => {
    const source = tensor(ne, a);
    runOp({ kind: 'RELU', ne, src: [source], arithmetic });
    expect(gatherF32(source)).toEqual(a);
  });
});
