/** Products with weights as a wrong engine reads them: the planters' own mat-mul. */
import { f16ToF32, f32ToF16 } from '../../../../shared/base/float-bits';
import { defined } from '../../../../shared/base/assert';
import type { WeightTensor } from '../../../../shared/gguf/model-source';
import { tensorOf } from '../../../../shared/graph/graph';
import type { Arithmetic } from '../../../../shared/ops/arithmetic';
import { activationType, roundActivations } from '../../../../shared/ops/arithmetic';
import { referenceDecoder } from '../../../../shared/ops/operand';
import type { GgmlTypeName } from '../../../../shared/quant/ggml-type';
import { QUANT_FORMATS, rowBytes } from '../../../../shared/quant/registry';
import type { Dot } from '../dots';
import type { Mutation, Turn } from '../plant';
import type { DecodeBlock } from './wrong-decoders';

/** All bytes of the weight that a node reads as source `index`. */
export function weightBytes(turn: Turn, index = 0): { tensor: WeightTensor; bytes: Uint8Array } {
  const id = defined(turn.tensor.src[index], 'a source');
  const tensor = defined(turn.weights.tensor(tensorOf(turn.graph, id).name), 'a weight');
  const bytes = new Uint8Array(tensor.byteLength);
  tensor.copyInto(0, bytes.length, bytes, 0);
  return { tensor, bytes };
}

/** A weight decoded whole: row after row, planes after each other. */
export function decodeAll({ tensor, bytes }: ReturnType<typeof weightBytes>, decode: DecodeBlock): Float32Array {
  const { blockElements, blockBytes } = QUANT_FORMATS[tensor.type];
  const out = new Float32Array(tensor.ne.reduce((a, b) => a * b, 1));
  for (let block = 0; block * blockBytes < bytes.length; block++)
    decode(bytes, block * blockBytes, out, block * blockElements);
  return out;
}

/** One block by the product's own decoder. */
export function rightDecoder(type: GgmlTypeName): DecodeBlock {
  const decode = referenceDecoder(type);
  return (b, at, out, to) => decode(b, at, 1, out, to);
}

/** How a node that reads a weight goes on with other values for it: GET_ROWS, MUL_MAT, MUL_MAT_ID. */
export function withWeight(valuesOf: (turn: Turn) => Float32Array): Mutation {
  return (turn) => {
    const values = turn.held(valuesOf(turn));
    if (turn.tensor.kind === 'GET_ROWS') return takeRows(values, turn.tensor.ne[0], turn.source(1));
    return turn.tensor.kind === 'MUL_MAT_ID' ? multiplyExperts(turn, values) : multiply(turn, values);
  };
}

export function withDecoder(decoderOf: (type: GgmlTypeName) => DecodeBlock): Mutation {
  return withWeight((turn) => {
    const weight = weightBytes(turn);
    return decodeAll(weight, decoderOf(weight.tensor.type));
  });
}

export function takeRows(values: Float32Array, width: number, ids: Float32Array): Float32Array {
  const out = new Float32Array(ids.length * width);
  ids.forEach((id, i) => out.set(values.subarray(id * width, (id + 1) * width), i * width));
  return out;
}

/** dst[n][m] = Σ a[m][k] b[n][k], added up as the engine does. */
function product(a: Float32Array, b: Float32Array, k: number, dot: Dot): Float32Array {
  const rows = a.length / k;
  const columns = b.length / k;
  const out = new Float32Array(rows * columns);
  for (let n = 0; n < columns; n++) {
    for (let m = 0; m < rows; m++) out[n * rows + m] = dot(a, m * k, b, n * k, k);
  }
  return out;
}

function multiply(turn: Turn, values: Float32Array): Float32Array {
  const a = defined(turn.tensor.src[0], 'a weight');
  const { ne, type } = tensorOf(turn.graph, a);
  return product(values, asRead(turn.source(1), type, turn.arithmetic, ne[0]), ne[0], turn.dot);
}

/** Sources: weights [k, m, experts], activations [k, 1 or used, tokens], ids [used, tokens]. */
function multiplyExperts(turn: Turn, values: Float32Array): Float32Array {
  const [a, b, c] = turn.tensor.src.map((id) => (id === undefined ? undefined : tensorOf(turn.graph, id)));
  const [k, m] = defined(a, 'weights').ne;
  const [, given] = defined(b, 'activations').ne;
  const [used, tokens] = defined(c, 'ids').ne;
  const x = asRead(turn.source(1), defined(a, 'weights').type, turn.arithmetic, k);
  const ids = turn.source(2);
  const out = new Float32Array(m * used * tokens);
  for (let t = 0; t < tokens; t++) {
    for (let u = 0; u < used; u++) {
      const expert = ids[t * used + u] as number;
      const from = (t * given + (u % given)) * k;
      const plane = values.subarray(expert * m * k, (expert + 1) * m * k);
      out.set(product(plane, x.subarray(from, from + k), k, turn.dot), (t * used + u) * m);
    }
  }
  return out;
}

const PLAIN: ReadonlySet<GgmlTypeName> = new Set<GgmlTypeName>(['F32', 'F16', 'BF16']);

/** Activations as this engine's mat-muls read them. */
export function asRead(x: Float32Array, weight: GgmlTypeName, arithmetic: Arithmetic, k: number): Float32Array {
  const out = Float32Array.from(x);
  if (arithmetic === 'ggml' && !PLAIN.has(weight)) {
    const size = weight.endsWith('_K') || (weight.startsWith('IQ') && weight !== 'IQ4_NL') ? 256 : 32;
    for (let at = 0; at < out.length; at += size) eightBits(out, at, size);
  } else {
    for (let at = 0; at < out.length; at += k) roundActivations(activationType(arithmetic), out, at, k);
  }
  return out;
}

/** Codes of -127 to 127 and one scale, in f16 for blocks of 32. */
function eightBits(x: Float32Array, at: number, size: number): void {
  let most = 0;
  for (let i = 0; i < size; i++) most = Math.max(most, Math.abs(x[at + i] as number));
  if (most === 0) return;
  const exact = Math.fround(most / 127);
  const d = size === 32 ? f16ToF32(f32ToF16(exact)) : exact;
  for (let i = 0; i < size; i++) x[at + i] = d * Math.round((x[at + i] as number) / exact);
}

/** Bytes of one row of the weight. */
export function bytesPerRow({ type, ne }: WeightTensor): number {
  return rowBytes(type, ne[0]);
}
