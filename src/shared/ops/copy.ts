/**
 * CPY, CONT and DUP: the elements of source 0 in logical order become those of the result in logical order; the shapes
 * may differ, the counts not. Between float types each value is rounded once (to nearest, ties to even); indices are
 * copied between equal types. Source: `ggml_compute_forward_dup` in ggml-cpu/ops.cpp.
 */
import { elementCount } from '../graph/graph';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, sourceOf } from './op';
import type { RowSource, RowTarget } from './operand';
import { gatherF32, scatterF32 } from './operand';
import { dimsText, isDecodable, isFloat, isIndex } from './tensor-shape';

export const COPY_OP: InlineOp = { how: 'inline', check, compute };

function check({ dst, src }: OpShape): string | undefined {
  const source = src[0];
  if (!source) return 'source 0 is missing';
  const indices = source.type === dst.type && isIndex(dst.type);
  const floats = isDecodable(source.type) && isFloat(dst.type);
  return firstOf(
    elementCount(source.ne) !== elementCount(dst.ne) &&
      `${dimsText(source.ne)} is copied to ${dimsText(dst.ne)}: another number of elements`,
    !indices && !floats && `${source.type} to ${dst.type}`,
  );
}

function compute(call: OpCall): void {
  const source = sourceOf(call, 0);
  if (isIndex(call.dst.type)) copyIndices(source, call.dst);
  else scatterF32(call.dst, gatherF32(source));
}

function copyIndices(source: RowSource, dst: RowTarget): void {
  // All are read before the first is written: source and result may share memory.
  const values = Array.from({ length: elementCount(source.ne) }, (_, i) => source.readIndex(...at(source, i)));
  values.forEach((value, i) => dst.writeIndex(...at(dst, i), value));
}

/** Coordinates of element `i` in logical order. */
function at(t: RowSource, i: number): [number, number, number, number] {
  const [n0, n1, n2] = t.ne;
  const row = Math.floor(i / n0);
  const plane = Math.floor(row / n1);
  return [i % n0, row % n1, plane % n2, Math.floor(plane / n2)];
}
