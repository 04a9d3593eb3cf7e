/**
 * Weights dequantized as they are read: the same model at F16 or F32, without a second copy of anything. Rules the
 * quantized kernels out (or in) as the cause of an error.
 */
import { assert } from '../base/assert';
import { f32ToF16 } from '../base/float-bits';
import type { Graph, GraphTensor, Dims } from '../graph/graph';
import { memoryOwner } from '../graph/graph';
import type { GgmlTypeName } from '../quant/ggml-type';
import { QUANT_FORMATS, supportedFormat } from '../quant/registry';
import type { WeightSource, WeightTensor } from './model-source';

/** `as-is`: as the file stores them. `f16`: all but F32 ones become F16, rounded once. `f32`: all become F32. */
export type WeightPrecision = 'as-is' | 'f16' | 'f32';

export const WEIGHT_PRECISIONS: readonly WeightPrecision[] = ['as-is', 'f16', 'f32'];

/** The type in which a weight is handed out. Integers and types without decoder stay. */
export function ablatedType(type: GgmlTypeName, precision: WeightPrecision): GgmlTypeName {
  const { status, family } = QUANT_FORMATS[type];
  if (precision === 'as-is' || type === 'F32' || status !== 'supported' || family === 'integer') return type;
  return precision === 'f32' ? 'F32' : 'F16';
}

/** The weights of `source` at another precision. */
export function ablatedWeights(source: WeightSource, precision: WeightPrecision): WeightSource {
  if (precision === 'as-is') return source;
  return {
    label: `${source.label} at ${precision}`,
    tensor: (name) => {
      const tensor = source.tensor(name);
      return tensor && ablatedTensor(tensor, precision);
    },
  };
}

/** One weight at another precision; each window is decoded when it is read. */
export function ablatedTensor(tensor: WeightTensor, precision: WeightPrecision): WeightTensor {
  const type = ablatedType(tensor.type, precision);
  if (type === tensor.type) return tensor;
  const { blockElements, blockBytes } = QUANT_FORMATS[tensor.type];
  const { dequantize } = supportedFormat(tensor.type);
  const size = QUANT_FORMATS[type].blockBytes;
  return {
    name: tensor.name,
    type,
    ne: tensor.ne,
    byteLength: (tensor.byteLength / blockBytes) * blockElements * size,
    copyInto(offset, length, dst, dstOffset) {
      assert(offset % size === 0 && length % size === 0, `a window of ${tensor.name} cuts an element`);
      const first = Math.floor(offset / size / blockElements);
      const end = Math.ceil((offset + length) / size / blockElements);
      const stored = new Uint8Array((end - first) * blockBytes);
      tensor.copyInto(first * blockBytes, stored.length, stored, 0);
      const values = new Float32Array((end - first) * blockElements);
      dequantize(stored, 0, end - first, values, 0);
      const from = offset / size - first * blockElements;
      const wanted = values.subarray(from, from + length / size);
      const out = type === 'F32' ? wanted : Uint16Array.from(wanted, f32ToF16);
      dst.set(new Uint8Array(out.buffer, out.byteOffset, out.byteLength), dstOffset);
    },
  };
}

/** The graph as it reads such weights: their types, and the strides and offsets of views of them. */
export function ablatedGraph(graph: Graph, precision: WeightPrecision): Graph {
  if (precision === 'as-is') return graph;
  return { ...graph, tensors: graph.tensors.map((t) => ablatedLeaf(graph, t, precision)) };
}

function ablatedLeaf(graph: Graph, t: GraphTensor, precision: WeightPrecision): GraphTensor {
  const owner = memoryOwner(graph, t);
  const type = ablatedType(owner.type, precision);
  if (owner.role !== 'weight' || type === owner.type) return t;
  assert(t.type === owner.type, `${t.key} looks at the ${owner.type} of ${owner.name} as ${t.type}`);
  const { blockElements, blockBytes } = QUANT_FORMATS[owner.type];
  const bytes = (stored: number): number => (stored / blockBytes) * blockElements * QUANT_FORMATS[type].blockBytes;
  const [, nb1, nb2, nb3] = t.nb;
  const nb0 = blockElements === 1 ? bytes(t.nb[0]) : QUANT_FORMATS[type].blockBytes;
  const nb: Dims = [nb0, bytes(nb1), bytes(nb2), bytes(nb3)];
  return { ...t, type, nb, viewOffs: bytes(t.viewOffs) };
}
