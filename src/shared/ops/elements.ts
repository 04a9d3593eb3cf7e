/** All elements of a tensor at once, for ops that move values: integers stay exact, floats are widened to f32. */
import { elementCount } from '../graph/graph';
import type { OpShape } from './op';
import type { RowSource, RowTarget } from './operand';
import { gatherF32, scatterF32 } from './operand';
import { isDecodable, isFloat, isIndex } from './tensor-shape';

/** In logical order, ne[0] fastest. f64 holds every I32, and every I64 that is an index. */
export type Elements = Float32Array | Float64Array;

export function readElements(t: RowSource): Elements {
  if (!isIndex(t.type)) return gatherF32(t);
  const [n0, n1, n2, n3] = t.ne;
  const out = new Float64Array(elementCount(t.ne));
  let at = 0;
  for (let i3 = 0; i3 < n3; i3++) {
    for (let i2 = 0; i2 < n2; i2++) {
      for (let i1 = 0; i1 < n1; i1++) {
        for (let i0 = 0; i0 < n0; i0++) out[at++] = t.readIndex(i0, i1, i2, i3);
      }
    }
  }
  return out;
}

/** Zeros that hold the elements of `t` exactly. */
export function zerosFor(t: RowTarget): Elements {
  const count = elementCount(t.ne);
  return isIndex(t.type) ? new Float64Array(count) : new Float32Array(count);
}

/** Floats are rounded once to the tensor's type. */
export function writeElements(t: RowTarget, values: Elements): void {
  if (!isIndex(t.type)) {
    scatterF32(t, values instanceof Float32Array ? values : Float32Array.from(values));
    return;
  }
  const [n0, n1, n2, n3] = t.ne;
  let at = 0;
  for (let i3 = 0; i3 < n3; i3++) {
    for (let i2 = 0; i2 < n2; i2++) {
      for (let i1 = 0; i1 < n1; i1++) {
        for (let i0 = 0; i0 < n0; i0++) t.writeIndex(i0, i1, i2, i3, values[at++] as number);
      }
    }
  }
}

/** Complains unless elements of source `index` can become elements of the result: any floats, or equal index types. */
export function needMovable(node: OpShape, index: number): string | undefined {
  const source = node.src[index];
  if (!source) return `source ${index} is missing`;
  const to = node.dst.type;
  const fits = isIndex(to) ? source.type === to : isFloat(to) && isDecodable(source.type);
  return fits ? undefined : `${source.type} to ${to}`;
}
