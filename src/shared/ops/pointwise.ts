/** Ops that apply a function of one value to every element of source 0. */
import type { Arithmetic } from './arithmetic';
import type { InlineOp, OpShape } from './op';
import { firstOf, forEachRow, needDecodable, needExtents, needFloatResult, sourceOf } from './op';

/** A function of one f32, as an op's parameters and the arithmetic make it; its result is rounded to f32 once. */
export type FunctionOf = (opParams: readonly number[], arithmetic: Arithmetic) => (x: number) => number;

export function checkPointwise(node: OpShape): string | undefined {
  return firstOf(needDecodable(node, 0), needFloatResult(node), needExtents(node, 0, node.dst.ne));
}

/** dst = f(x) for every element. */
export function pointwiseOp(functionOf: FunctionOf): InlineOp {
  return {
    how: 'inline',
    check: checkPointwise,
    compute: (call) => {
      const source = sourceOf(call, 0);
      const f = functionOf(call.opParams, call.arithmetic);
      const row = new Float32Array(source.ne[0]);
      forEachRow(source.ne, (i1, i2, i3) => {
        source.readRow(i1, i2, i3, row, 0);
        for (let i = 0; i < row.length; i++) row[i] = f(row[i] as number);
        call.dst.writeRow(i1, i2, i3, row, 0);
      });
    },
  };
}
