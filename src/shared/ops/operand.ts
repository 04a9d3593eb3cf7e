import { assert } from '../base/assert';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../base/float-bits';
import type { WeightTensor } from '../gguf/model-source';
import type { Dims } from '../graph/graph';
import type { DequantizeBlocks } from '../quant/format';
import type { GgmlTypeName } from '../quant/ggml-type';
import { QUANT_FORMATS, rowBytes } from '../quant/registry';
import type { ActivationType } from './arithmetic';
import { roundActivations } from './arithmetic';
import type { Memory } from './memory';
import type { TensorShape } from './tensor-shape';
import { hasDenseRows, isFloat, isIndex, spanBytes } from './tensor-shape';

/** A source of an op: rows are read widened to f32, whatever their type and strides. */
export interface RowSource extends TensorShape {
  /** Row (i1, i2, i3): ne[0] values into `dst` from `dstOffset` on. Integers are rounded to the nearest f32. */
  readRow(i1: number, i2: number, i3: number, dst: Float32Array, dstOffset: number): void;
  /** One element of an I32 or I64 tensor. */
  readIndex(i0: number, i1: number, i2: number, i3: number): number;
}

/** The result of an op: rows of f32 are rounded once to the tensor's type. */
export interface RowTarget extends RowSource {
  writeRow(i1: number, i2: number, i3: number, src: Float32Array, srcOffset: number): void;
  /** One element of an I32 or I64 tensor. */
  writeIndex(i0: number, i1: number, i2: number, i3: number, value: number): void;
}

/** Replaces a format's decoder; how a counterfactual runs an op on wrongly decoded weights. */
export type DecoderFor = (type: GgmlTypeName) => DequantizeBlocks;

/** The reference decoder of a type; asserts that there is one (the op's shape rule has checked it). */
export const referenceDecoder: DecoderFor = (type) => {
  const format = QUANT_FORMATS[type];
  assert(format.status === 'supported', `no decoder for ${type}`);
  return format.dequantize;
};

/** A tensor in memory, any type and strides. */
export class MemoryTensor implements RowTarget {
  constructor(
    readonly memory: Memory,
    /** Byte offset of element 0. */
    readonly offset: number,
    readonly type: GgmlTypeName,
    readonly ne: Dims,
    readonly nb: Dims,
    private readonly decoderFor: DecoderFor = referenceDecoder,
  ) {
    assert(offset + spanBytes(this) <= memory.u8.length, `a ${type} tensor reaches past its memory`);
  }

  readRow(i1: number, i2: number, i3: number, dst: Float32Array, dstOffset: number): void {
    const n = this.ne[0];
    const start = this.start(i1, i2, i3);
    switch (this.type) {
      case 'F32':
        return this.readF32(start, n, dst, dstOffset);
      case 'F16':
      case 'BF16':
        return this.read16(start, n, dst, dstOffset, this.type === 'F16' ? f16ToF32 : bf16ToF32);
      case 'I32':
      case 'I64':
        for (let i = 0; i < n; i++) dst[dstOffset + i] = this.readIndex(i, i1, i2, i3);
        return;
      default: {
        const blocks = n / QUANT_FORMATS[this.type].blockElements;
        assert(hasDenseRows(this), `strided blocks of ${this.type}`);
        this.decoderFor(this.type)(this.memory.u8, start, blocks, dst, dstOffset);
      }
    }
  }

  readIndex(i0: number, i1: number, i2: number, i3: number): number {
    const at = this.start(i1, i2, i3) + i0 * this.nb[0];
    assert(isIndex(this.type), `an index is read from a ${this.type} tensor`);
    return this.type === 'I32' ? (this.memory.i32[at / 4] as number) : Number(this.memory.i64[at / 8]);
  }

  writeRow(i1: number, i2: number, i3: number, src: Float32Array, srcOffset: number): void {
    const n = this.ne[0];
    const start = this.start(i1, i2, i3);
    if (this.type === 'F32') {
      const f32 = this.memory.f32;
      const from = start / 4;
      const step = this.nb[0] / 4;
      if (step === 1) f32.set(src.subarray(srcOffset, srcOffset + n), from);
      else for (let i = 0; i < n; i++) f32[from + i * step] = src[srcOffset + i] as number;
      return;
    }
    assert(isFloat(this.type), `rows are written into a ${this.type} tensor`);
    const encode = this.type === 'F16' ? f32ToF16 : f32ToBf16;
    const u16 = this.memory.u16;
    const from = start / 2;
    const step = this.nb[0] / 2;
    for (let i = 0; i < n; i++) u16[from + i * step] = encode(src[srcOffset + i] as number);
  }

  writeIndex(i0: number, i1: number, i2: number, i3: number, value: number): void {
    const at = this.start(i1, i2, i3) + i0 * this.nb[0];
    assert(isIndex(this.type), `an index is written into a ${this.type} tensor`);
    if (this.type === 'I32') this.memory.i32[at / 4] = value;
    else this.memory.i64[at / 8] = BigInt(value);
  }

  private start(i1: number, i2: number, i3: number): number {
    const nb = this.nb;
    return this.offset + i1 * nb[1] + i2 * nb[2] + i3 * nb[3];
  }

  private readF32(start: number, n: number, dst: Float32Array, dstOffset: number): void {
    const f32 = this.memory.f32;
    const from = start / 4;
    const step = this.nb[0] / 4;
    if (step === 1) dst.set(f32.subarray(from, from + n), dstOffset);
    else for (let i = 0; i < n; i++) dst[dstOffset + i] = f32[from + i * step] as number;
  }

  private read16(start: number, n: number, dst: Float32Array, dstOffset: number, widen: (h: number) => number): void {
    const u16 = this.memory.u16;
    const from = start / 2;
    const step = this.nb[0] / 2;
    for (let i = 0; i < n; i++) dst[dstOffset + i] = widen(u16[from + i * step] as number);
  }
}

/** Rows of a weight that stays in the model file: each is copied and decoded when it is read. */
export class WeightRows implements RowSource {
  private readonly window: Uint8Array;
  private readonly blocks: number;

  constructor(
    private readonly tensor: WeightTensor,
    /** Byte offset of element 0 within the weight. */
    readonly offset: number,
    readonly type: GgmlTypeName,
    readonly ne: Dims,
    readonly nb: Dims,
    private readonly decoderFor: DecoderFor = referenceDecoder,
  ) {
    assert(hasDenseRows(this), `strided rows of the weight ${tensor.name}`);
    this.window = new Uint8Array(rowBytes(type, ne[0]));
    this.blocks = ne[0] / QUANT_FORMATS[type].blockElements;
  }

  readRow(i1: number, i2: number, i3: number, dst: Float32Array, dstOffset: number): void {
    const nb = this.nb;
    const start = this.offset + i1 * nb[1] + i2 * nb[2] + i3 * nb[3];
    this.tensor.copyInto(start, this.window.length, this.window, 0);
    this.decoderFor(this.type)(this.window, 0, this.blocks, dst, dstOffset);
  }

  readIndex(): number {
    throw new TypeError(`the weight ${this.tensor.name} holds no indices`);
  }
}

/** A source whose rows are rounded to the type in which an engine stores its activations. */
export class RoundedRows implements RowSource {
  readonly type: GgmlTypeName;
  readonly ne: Dims;
  readonly nb: Dims;

  constructor(
    private readonly source: RowSource,
    private readonly activation: ActivationType,
  ) {
    this.type = source.type;
    this.ne = source.ne;
    this.nb = source.nb;
  }

  readRow(i1: number, i2: number, i3: number, dst: Float32Array, dstOffset: number): void {
    this.source.readRow(i1, i2, i3, dst, dstOffset);
    roundActivations(this.activation, dst, dstOffset, this.ne[0]);
  }

  readIndex(i0: number, i1: number, i2: number, i3: number): number {
    return this.source.readIndex(i0, i1, i2, i3);
  }
}

/** All elements in logical order, widened to f32. */
export function gatherF32(t: RowSource): Float32Array<ArrayBuffer> {
  const [n0, n1, n2, n3] = t.ne;
  const out = new Float32Array(n0 * n1 * n2 * n3);
  let at = 0;
  for (let i3 = 0; i3 < n3; i3++) {
    for (let i2 = 0; i2 < n2; i2++) {
      for (let i1 = 0; i1 < n1; i1++, at += n0) t.readRow(i1, i2, i3, out, at);
    }
  }
  return out;
}

/** Writes all elements in logical order, rounded once to the tensor's type; indices are truncated. */
export function scatterF32(t: RowTarget, values: Float32Array): void {
  const [n0, n1, n2, n3] = t.ne;
  const indices = isIndex(t.type);
  let at = 0;
  for (let i3 = 0; i3 < n3; i3++) {
    for (let i2 = 0; i2 < n2; i2++) {
      for (let i1 = 0; i1 < n1; i1++, at += n0) {
        if (!indices) t.writeRow(i1, i2, i3, values, at);
        else for (let i = 0; i < n0; i++) t.writeIndex(i, i1, i2, i3, Math.trunc(values[at + i] as number));
      }
    }
  }
}
