/** The rows of A and B whose dot product is an element of a mat-mul. */
import { QuarrelError } from '../../../base/errors';
import { memoryOwner } from '../../../graph/graph';
import { WeightRows } from '../../../ops/operand';
import type { Site } from '../../site';
import { sourceTensor, valuesOf } from '../../site';

export interface DotRows {
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/** Reads row (i1, i2, i3) of A. */
export type ReadRow = (i1: number, i2: number, i3: number) => Float32Array;

/** Rows of A, decoded one at a time where A is a weight. */
export function rowReader(site: Site): ReadRow {
  const t = sourceTensor(site, 0);
  if (!t) throw new QuarrelError(`${site.node.key}: source 0 is absent`);
  const values = site.source(0);
  const [n, n1, n2] = t.ne;
  if (values) {
    return (i1, i2, i3) => {
      const at = ((i3 * n2 + i2) * n1 + i1) * n;
      return values.subarray(at, at + n);
    };
  }
  const tensor = site.weights.tensor(memoryOwner(site.graph, t).name);
  if (!tensor) throw new QuarrelError(`${site.node.key}: the weight ${t.name} has no data`);
  const rows = new WeightRows(tensor, t.viewOffs, t.type, t.ne, t.nb);
  const row = new Float32Array(n);
  return (i1, i2, i3) => {
    rows.readRow(i1, i2, i3, row, 0);
    return row;
  };
}

/** @param element index into the node's result; valid until the next call */
export function dotRows(site: Site, element: number): DotRows {
  const [n0, n1, n2] = site.node.ne;
  const [i0, column] = [element % n0, Math.floor(element / n0)];
  const [i2, i3] = [Math.floor(column / n1) % n2, Math.floor(column / (n1 * n2))];
  const [r2, r3] = repeatsOf(site);
  const length = sourceTensor(site, 1)?.ne[0] ?? 0;
  const a = rowReader(site)(i0, Math.floor(i2 / r2), Math.floor(i3 / r3));
  return { a, b: valuesOf(site, 1).subarray(column * length, (column + 1) * length) };
}

/** How often A's planes are repeated over dimensions 2 and 3. */
export function repeatsOf(site: Site): readonly [number, number] {
  const a = sourceTensor(site, 0)?.ne ?? site.node.ne;
  return [site.node.ne[2] / a[2], site.node.ne[3] / a[3]];
}
