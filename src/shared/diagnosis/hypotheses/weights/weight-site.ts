/** What hypotheses about weights share: the weight of a site, and the node computed with another one in its place. */
import { defined } from '../../../base/assert';
import { QuarrelError } from '../../../base/errors';
import type { WeightSource, WeightTensor } from '../../../gguf/model-source';
import type { Dims, GraphTensor } from '../../../graph/graph';
import { memoryOwner } from '../../../graph/graph';
import type { DecoderFor } from '../../../ops/operand';
import { referenceDecoder } from '../../../ops/operand';
import { contiguousShape } from '../../../ops/tensor-shape';
import type { DequantizeBlocks } from '../../../quant/format';
import type { GgmlTypeName } from '../../../quant/ggml-type';
import { rowBytes } from '../../../quant/registry';
import type { Parameters, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, sourceTensor } from '../../site';

/** The weight, in the graph, that a mat-mul multiplies with or a gather reads; undefined at other nodes. */
export function weightOf(site: Site): GraphTensor | undefined {
  const { kind } = site.node;
  if (kind !== 'MUL_MAT' && kind !== 'MUL_MAT_ID' && kind !== 'GET_ROWS') return undefined;
  const source = sourceTensor(site, 0);
  return source && memoryOwner(site.graph, source).role === 'weight' ? source : undefined;
}

/** The weight where the node reads all of it, not through a view. */
export function wholeWeightOf(site: Site): GraphTensor | undefined {
  const weight = weightOf(site);
  return weight?.role === 'weight' ? weight : undefined;
}

/** The type of the site's weight. */
export function weightTypeOf(site: Site): GgmlTypeName | undefined {
  return weightOf(site)?.type;
}

/** The mistake of decoding the weight's type with `decode`. */
export function decoderVariant(
  label: string,
  parameters: Parameters,
  type: GgmlTypeName,
  decode: () => DequantizeBlocks,
): Variant {
  return {
    label,
    parameters: { type, ...parameters },
    predict: (site) => {
      const wrong = decode();
      const decoderFor: DecoderFor = (t) => (t === type ? wrong : referenceDecoder(t));
      return evaluateChanged(site, { decoderFor });
    },
  };
}

/** The data of `tensor`, which the model file must hold. */
export function dataOf(site: Site, tensor: GraphTensor): WeightTensor {
  const found = site.weights.tensor(tensor.name);
  if (!found) throw new QuarrelError(`${site.weights.label} has no tensor ${tensor.name}`);
  return found;
}

/**
 * The node's result where it reads `data` in place of its weight: other bytes, another type, another shape (of which the
 * op must make the same result). Not for a weight that is read through a view.
 */
export function evaluateWith(site: Site, data: WeightTensor): Float32Array {
  const weight = defined(wholeWeightOf(site), `a weight of ${site.node.key}`);
  const changed: GraphTensor = { ...weight, ...contiguousShape(data.type, data.ne) };
  const tensors = site.graph.tensors.map((t) => (t.id === weight.id ? changed : t));
  const weights: WeightSource = {
    label: site.weights.label,
    tensor: (name) => (name === weight.name ? data : site.weights.tensor(name)),
  };
  return evaluateChanged({ ...site, graph: { ...site.graph, tensors } }, { weights });
}

/** The same tensor whose row `r` (over all higher dimensions) is row `from(r)` of `data`; zeros where that is none. */
export function withRows(data: WeightTensor, from: (row: number) => number): WeightTensor {
  const bytes = rowBytes(data.type, data.ne[0]);
  const rows = data.byteLength / bytes;
  return withBytes(data, (offset, length, dst, dstOffset) => {
    for (let done = 0; done < length;) {
      const row = Math.floor((offset + done) / bytes);
      const within = (offset + done) % bytes;
      const count = Math.min(bytes - within, length - done);
      const source = from(row);
      const at = dstOffset + done;
      if (source >= 0 && source < rows) data.copyInto(source * bytes + within, count, dst, at);
      else dst.fill(0, at, at + count);
      done += count;
    }
  });
}

/** The same tensor whose bytes are read by `copyInto`. */
export function withBytes(data: WeightTensor, copyInto: WeightTensor['copyInto']): WeightTensor {
  const { name, type, ne, byteLength } = data;
  return { name, type, ne, byteLength, copyInto };
}

/** A tensor held in memory. */
export function tensorOfBytes(name: string, type: GgmlTypeName, ne: Dims, bytes: Uint8Array): WeightTensor {
  return {
    name,
    type,
    ne,
    byteLength: bytes.length,
    copyInto: (offset, length, dst, dstOffset) => dst.set(bytes.subarray(offset, offset + length), dstOffset),
  };
}

/** Weights above are not copied as a whole for one trial. */
const MOST_BYTES = 64 * 1024 * 1024;

/** All bytes of a weight. @throws QuarrelError where they are too many for a trial */
export function allBytes(data: WeightTensor): Uint8Array {
  if (data.byteLength > MOST_BYTES) throw new QuarrelError(`${data.name} has ${data.byteLength} bytes: too many`);
  const bytes = new Uint8Array(data.byteLength);
  data.copyInto(0, bytes.length, bytes, 0);
  return bytes;
}
