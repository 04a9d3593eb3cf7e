import type { Dims } from '../graph/graph';
import type { GgmlTypeName } from '../quant/ggml-type';
import { QUANT_FORMATS, rowBytes } from '../quant/registry';

/** Type, extent and strides (bytes) of a tensor, wherever its data lie. */
export interface TensorShape {
  readonly type: GgmlTypeName;
  readonly ne: Dims;
  readonly nb: Dims;
}

/** Strides of a contiguous tensor. */
export function contiguousStrides(type: GgmlTypeName, ne: Dims): Dims {
  const row = rowBytes(type, ne[0]);
  return [QUANT_FORMATS[type].blockBytes, row, row * ne[1], row * ne[1] * ne[2]];
}

export function contiguousShape(type: GgmlTypeName, ne: Dims): TensorShape {
  return { type, ne, nb: contiguousStrides(type, ne) };
}

/** Bytes from the first to past the last element; 0 for an empty tensor. */
export function spanBytes(t: TensorShape): number {
  const { ne, nb } = t;
  if (isEmpty(ne)) return 0;
  const { blockElements, blockBytes } = QUANT_FORMATS[t.type];
  const lastBlock = Math.ceil(ne[0] / blockElements) - 1;
  return lastBlock * nb[0] + (ne[1] - 1) * nb[1] + (ne[2] - 1) * nb[2] + (ne[3] - 1) * nb[3] + blockBytes;
}

/** Whether elements lie one after another without gaps; strides of extents of 1 do not matter. */
export function isContiguous(t: TensorShape): boolean {
  const want = contiguousStrides(t.type, t.ne);
  return hasDenseRows(t) && [1, 2, 3].every((d) => t.ne[d] === 1 || t.nb[d] === want[d]);
}

/** Whether the elements of a row lie one after another. */
export function hasDenseRows(t: TensorShape): boolean {
  const { blockElements, blockBytes } = QUANT_FORMATS[t.type];
  return t.ne[0] === blockElements || t.nb[0] === blockBytes;
}

export function sameExtents(a: Dims, b: Dims): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];
}

export function isEmpty(ne: Dims): boolean {
  return ne[0] === 0 || ne[1] === 0 || ne[2] === 0 || ne[3] === 0;
}

export function isFloat(type: GgmlTypeName): type is 'F32' | 'F16' | 'BF16' {
  return type === 'F32' || type === 'F16' || type === 'BF16';
}

export function isIndex(type: GgmlTypeName): type is 'I32' | 'I64' {
  return type === 'I32' || type === 'I64';
}

/** Whether rows of this type are weights that widen to f32; integers are indices, not weights. */
export function isDecodable(type: GgmlTypeName): boolean {
  const { status, family } = QUANT_FORMATS[type];
  return status === 'supported' && family !== 'integer';
}

export function dimsText(ne: Dims): string {
  return `[${ne.join(', ')}]`;
}
