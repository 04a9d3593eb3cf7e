import { QuarrelError } from '../base/errors';
import { f32ToBf16, f32ToF16 } from '../base/float-bits';
import type { GraphTensor } from '../graph/graph';
import { elementCount } from '../graph/graph';
import type { TensorShape } from '../ops/tensor-shape';
import { QUANT_FORMATS } from '../quant/registry';
import type { Checkpoints } from '../ops/run-memory';
import type { TraceDtype, TraceSink } from '../trace/trace';

/**
 * A tensor's contents from a trace, in the tensor's own type, contiguous. Throws QuarrelError when the trace has no
 * such checkpoint, or one of another size or type.
 */
export function checkpointBytes(trace: Checkpoints, tensor: GraphTensor): Uint8Array {
  const entry = trace.entries.get(tensor.key);
  if (!entry) throw new QuarrelError(`${trace.label}: no checkpoint ${tensor.key}`);
  const count = entry.shape.reduce((n, extent) => n * extent, 1);
  const expected = elementCount(tensor.ne);
  if (count !== expected) {
    throw new QuarrelError(`${trace.label}: ${tensor.key} has ${count} elements, the graph's has ${expected}`);
  }
  if (entry.dtype === tensor.type) return trace.readRaw(tensor.key);
  if (!['F32', 'F16', 'BF16'].includes(entry.dtype)) {
    throw new QuarrelError(`${trace.label}: ${tensor.key} is ${entry.dtype}, the graph's is ${tensor.type}`);
  }
  const values = trace.readF32(tensor.key);
  switch (tensor.type) {
    case 'F32':
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    case 'F16':
      return new Uint8Array(Uint16Array.from(values, f32ToF16).buffer);
    case 'BF16':
      return new Uint8Array(Uint16Array.from(values, f32ToBf16).buffer);
    default:
      throw new QuarrelError(`${trace.label}: ${tensor.key} is ${entry.dtype}, the graph's is ${tensor.type}`);
  }
}

/** Hands a node's result to the sink. @param data contiguous, little-endian, owned by the callee */
export function writeCheckpoint(sink: TraceSink, node: GraphTensor, data: Uint8Array<ArrayBuffer>): void {
  const isF32 = node.type === 'F32';
  sink.write(node.key, node.type as TraceDtype, node.ne, isF32 ? new Float32Array(data.buffer) : data);
}

/**
 * The elements of a strided window one after another.
 * @param span the window's bytes from its first element on
 */
export function gather(span: Uint8Array, { type, ne, nb }: TensorShape): Uint8Array<ArrayBuffer> {
  const size = QUANT_FORMATS[type].blockBytes;
  const out = new Uint8Array(elementCount(ne) * size);
  let to = 0;
  for (let i3 = 0; i3 < ne[3]; i3++) {
    for (let i2 = 0; i2 < ne[2]; i2++) {
      for (let i1 = 0; i1 < ne[1]; i1++) {
        let from = i3 * nb[3] + i2 * nb[2] + i1 * nb[1];
        for (let i0 = 0; i0 < ne[0]; i0++, from += nb[0], to += size) out.set(span.subarray(from, from + size), to);
      }
    }
  }
  return out;
}
