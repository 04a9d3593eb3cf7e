import type { Dims } from '../../shared/graph/graph';
import { elementCount } from '../../shared/graph/graph';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import type { TraceDtype } from '../../shared/trace/trace';

/** The trace types by ggml type, with their bytes per element; others cannot be checkpoints. */
const TRACE_TYPES: Partial<Record<GgmlTypeName, { readonly dtype: TraceDtype; readonly bytes: number }>> = {
  F32: { dtype: 'F32', bytes: 4 },
  F16: { dtype: 'F16', bytes: 2 },
  BF16: { dtype: 'BF16', bytes: 2 },
  I32: { dtype: 'I32', bytes: 4 },
  I64: { dtype: 'I64', bytes: 8 },
};

export function traceType(type: GgmlTypeName): { readonly dtype: TraceDtype; readonly bytes: number } | undefined {
  return TRACE_TYPES[type];
}

/** Where a tensor's elements lie: shape and strides in bytes. */
export interface Strided {
  readonly ne: Dims;
  readonly nb: Dims;
}

/** Reads `length` bytes from byte `offset` of the tensor's memory into `dst`. */
export type ReadBytes = (dst: Uint8Array, offset: number, length: number) => void;

/**
 * Copies tensors out of llama.cpp's memory, contiguous, ne[0] fastest. The buffers are kept and grow to the largest
 * tensor, so the result is valid until the next call.
 */
export class TensorReader {
  private packed = new Uint8Array(0);
  private span = new Uint8Array(0);

  /** @param elementBytes bytes per element of an unquantized type */
  read(tensor: Strided, elementBytes: number, readBytes: ReadBytes): Uint8Array {
    const total = elementCount(tensor.ne) * elementBytes;
    if (this.packed.length < total) this.packed = new Uint8Array(total);
    const packed = this.packed.subarray(0, total);
    if (total === 0) return packed;
    if (isContiguous(tensor, elementBytes)) {
      readBytes(packed, 0, total);
      return packed;
    }
    const length = spanBytes(tensor, elementBytes);
    if (this.span.length < length) this.span = new Uint8Array(length);
    const span = this.span.subarray(0, length);
    readBytes(span, 0, length);
    pack(span, tensor, elementBytes, packed);
    return packed;
  }
}

function isContiguous({ ne, nb }: Strided, elementBytes: number): boolean {
  let expected = elementBytes;
  for (let i = 0; i < 4; i++) {
    if (ne[i] !== 1 && nb[i] !== expected) return false;
    expected *= ne[i]!;
  }
  return true;
}

/** Bytes from the first element to the end of the last; mirrors `ggml_nbytes` for unquantized types. */
function spanBytes({ ne, nb }: Strided, elementBytes: number): number {
  return ne.reduce((bytes, n, i) => bytes + (n - 1) * nb[i]!, elementBytes);
}

/** Gathers a strided tensor; rows whose elements adjoin are copied whole. */
function pack(span: Uint8Array, { ne, nb }: Strided, elementBytes: number, packed: Uint8Array): void {
  const [ne0, ne1, ne2, ne3] = ne;
  const [nb0, nb1, nb2, nb3] = nb;
  const rowBytes = ne0 * elementBytes;
  const dense = nb0 === elementBytes || ne0 === 1;
  let to = 0;
  for (let i3 = 0; i3 < ne3; i3++) {
    for (let i2 = 0; i2 < ne2; i2++) {
      for (let i1 = 0; i1 < ne1; i1++) {
        const row = i1 * nb1 + i2 * nb2 + i3 * nb3;
        if (dense) {
          packed.set(span.subarray(row, row + rowBytes), to);
        } else {
          for (let i0 = 0; i0 < ne0; i0++) {
            const from = row + i0 * nb0;
            for (let b = 0; b < elementBytes; b++) packed[to + i0 * elementBytes + b] = span[from + b]!;
          }
        }
        to += rowBytes;
      }
    }
  }
}
