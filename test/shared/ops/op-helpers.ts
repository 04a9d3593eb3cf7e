import { defined } from '../../../src/shared/base/assert';
import type { OpKind } from '../../../src/shared/graph/ggml-op';
import type { Dims } from '../../../src/shared/graph/graph';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { QUANT_FORMATS } from '../../../src/shared/quant/registry';
import type { Arithmetic } from '../../../src/shared/ops/arithmetic';
import type { BoundNode } from '../../../src/shared/ops/compute-node';
import {
  computeInline,
  jobOf,
  memorySource,
  planMatMul,
  roundResult,
  shapeOfBound,
} from '../../../src/shared/ops/compute-node';
import { multiplyHere } from '../../../src/shared/ops/mat-mul-engine';
import { allocateLocal, Memory } from '../../../src/shared/ops/memory';
import { gatherF32, MemoryTensor, scatterF32 } from '../../../src/shared/ops/operand';
import { OPS, whyNotMeasured } from '../../../src/shared/ops/registry';
import { contiguousStrides, spanBytes } from '../../../src/shared/ops/tensor-shape';
import { f32Bits, f32FromBits } from '../../../src/shared/base/float-bits';
import { randomWords } from '../../helpers/random';

/** `count` reproducible values between −1 and 1, of all magnitudes down to 2⁻²⁰. */
export function randomValues(count: number, seed = 1): Float32Array {
  const words = randomWords(2 * count, seed);
  return Float32Array.from({ length: count }, (_, i) => {
    const mantissa = (words[2 * i]! / 2 ** 32) * 2 - 1;
    return mantissa * 2 ** -(words[2 * i + 1]! % 20);
  });
}

export function countOf(ne: Dims): number {
  return ne[0] * ne[1] * ne[2] * ne[3];
}

/** Strides with gaps: elements two apart in a row, rows, planes and cubes further apart than they need to be. */
export function gappedStrides(type: GgmlTypeName, ne: Dims): Dims {
  const size = QUANT_FORMATS[type].blockBytes;
  const row = 2 * size * ne[0] + 3 * size;
  const plane = row * (ne[1] + 1);
  return [2 * size, row, plane, plane * (ne[2] + 1)];
}

/** The strides of a tensor that was permuted to `ne` so that its dimension 0 is memory's slowest. */
export function transposedStrides(type: GgmlTypeName, ne: Dims): Dims {
  const size = QUANT_FORMATS[type].blockBytes;
  return [size * ne[1] * ne[2] * ne[3], size, size * ne[1], size * ne[1] * ne[2]];
}

export interface TensorOptions {
  readonly type?: GgmlTypeName;
  readonly nb?: Dims;
  /** Bytes in front of element 0. */
  readonly offset?: number;
}

/** A tensor with these elements in logical order. */
export function tensor(ne: Dims, values: ArrayLike<number>, options: TensorOptions = {}): MemoryTensor {
  const type = options.type ?? 'F32';
  const nb = options.nb ?? contiguousStrides(type, ne);
  const offset = options.offset ?? 0;
  const t = new MemoryTensor(Memory.zeros(offset + spanBytes({ type, ne, nb })), offset, type, ne, nb);
  if (values.length > 0) scatterF32(t, Float32Array.from(values));
  return t;
}

/** A weight made of raw blocks, rows contiguous. */
export function blockTensor(type: GgmlTypeName, ne: Dims, bytes: Uint8Array): MemoryTensor {
  return new MemoryTensor(Memory.of(bytes), 0, type, ne, contiguousStrides(type, ne));
}

export interface OpRun {
  readonly kind: OpKind;
  readonly src: readonly (MemoryTensor | undefined)[];
  readonly ne: Dims;
  readonly params?: readonly number[];
  readonly dst?: MemoryTensor;
  readonly arithmetic?: Arithmetic;
}

function bind({ kind, src, ne, params, dst }: OpRun): BoundNode {
  return { kind, opParams: params ?? [], sources: src.map((s) => s && memorySource(s)), dst: dst ?? tensor(ne, []) };
}

/** Why the reference would not run this node. */
export function complaint(run: OpRun): string | undefined {
  return whyNotMeasured(shapeOfBound(bind(run)));
}

/** Runs one op and gives its elements in logical order. Throws what the shape rule says, if anything. */
export function runOp(run: OpRun): Float32Array {
  const node = bind(run);
  const reason = whyNotMeasured(shapeOfBound(node));
  if (reason !== undefined) throw new Error(reason);
  const arithmetic = run.arithmetic ?? 'exact';
  if (OPS[run.kind].how === 'mat-mul') {
    const plan = planMatMul(node, arithmetic, allocateLocal);
    multiplyHere(jobOf([plan]), plan.a.place);
    roundResult(node.dst, arithmetic);
  } else {
    computeInline(node, arithmetic);
  }
  return gatherF32(node.dst);
}

/** Element (i0, i1, i2, i3) of values in logical order; indices wrap, as broadcasting does. */
export function elementAt(values: ArrayLike<number>, ne: Dims, i: Dims): number {
  const [a, b, c, d] = [i[0] % ne[0], i[1] % ne[1], i[2] % ne[2], i[3] % ne[3]];
  return defined(values[((d * ne[2] + c) * ne[1] + b) * ne[0] + a], `element ${i.join()} of ${ne.join()}`);
}

/** Values in logical order from a formula over coordinates. */
export function build(ne: Dims, f: (i: Dims) => number): Float32Array {
  const out = new Float32Array(countOf(ne));
  for (let n = 0; n < out.length; n++) {
    const row = Math.floor(n / ne[0]);
    const plane = Math.floor(row / ne[1]);
    out[n] = f([n % ne[0], row % ne[1], plane % ne[2], Math.floor(plane / ne[2])]);
  }
  return out;
}

/** The int32 op parameter that ggml stores for a float. */
export const floatBits = (x: number): number => f32Bits(x) | 0;

/** The next f32 after `x`, away from zero. */
export const nextUp = (x: number): number => f32FromBits(f32Bits(x) + 1);

/** Σ(a−b)²/Σb², both sums over all elements. */
export function nmse(values: ArrayLike<number>, reference: ArrayLike<number>): number {
  let error = 0;
  let energy = 0;
  for (let i = 0; i < reference.length; i++) {
    error += (values[i]! - reference[i]!) ** 2;
    energy += reference[i]! ** 2;
  }
  return error === 0 ? 0 : error / energy;
}
