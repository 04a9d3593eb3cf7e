/**
 * What `verify` knows of a block beyond its size: how its elements share scales, and where the block's own scales lie.
 * The layouts are those of src/shared/quant; the table is total, so that a new type cannot be forgotten.
 */
import type { GgmlTypeName } from '../quant/ggml-type';

export type ScaleEncoding = 'f16' | 'bf16' | 'f32' | 'f64' | 'e8m0' | 'ue4m3' | 'split-f16';

/** A scale of the whole block (of a sub-block in NVFP4): what can make all its values NaN. */
export interface ScaleSlot {
  /** As in the block's fields; NVFP4's four are numbered. */
  readonly name: string;
  /** Byte in the block. `split-f16` spreads over eight bytes. */
  readonly offset: number;
  readonly encoding: ScaleEncoding;
}

export interface BlockAnatomy {
  /** Elements that share a scale; the whole block where it is not divided. */
  readonly subBlock: number;
  readonly scales: readonly ScaleSlot[];
}

const f16 = (name: string, offset: number): ScaleSlot => ({ name, offset, encoding: 'f16' });
const anatomy = (subBlock: number, ...scales: ScaleSlot[]): BlockAnatomy => ({ subBlock, scales });

/** Every byte of these is a value of its own; their NaNs are found among the values. */
const PLAIN = anatomy(1);

export const BLOCK_ANATOMY: Readonly<Record<GgmlTypeName, BlockAnatomy>> = {
  F64: PLAIN,
  F32: PLAIN,
  F16: PLAIN,
  BF16: PLAIN,
  I8: PLAIN,
  I16: PLAIN,
  I32: PLAIN,
  I64: PLAIN,
  Q1_0: anatomy(128, f16('d', 0)),
  Q2_0: anatomy(64, f16('d', 0)),
  Q4_0: anatomy(32, f16('d', 0)),
  Q4_1: anatomy(32, f16('d', 0), f16('m', 2)),
  Q5_0: anatomy(32, f16('d', 0)),
  Q5_1: anatomy(32, f16('d', 0), f16('m', 2)),
  Q8_0: anatomy(32, f16('d', 0)),
  Q8_1: anatomy(32, f16('d', 0)),
  Q2_K: anatomy(16, f16('d', 80), f16('dmin', 82)),
  Q3_K: anatomy(16, f16('d', 108)),
  Q4_K: anatomy(32, f16('d', 0), f16('dmin', 2)),
  Q5_K: anatomy(32, f16('d', 0), f16('dmin', 2)),
  Q6_K: anatomy(16, f16('d', 208)),
  Q8_K: anatomy(256, { name: 'd', offset: 0, encoding: 'f32' }),
  IQ1_S: anatomy(32, f16('d', 0)),
  IQ1_M: anatomy(16, { name: 'd', offset: 48, encoding: 'split-f16' }),
  IQ2_XXS: anatomy(32, f16('d', 0)),
  IQ2_XS: anatomy(16, f16('d', 0)),
  IQ2_S: anatomy(16, f16('d', 0)),
  IQ3_XXS: anatomy(32, f16('d', 0)),
  IQ3_S: anatomy(32, f16('d', 0)),
  IQ4_NL: anatomy(32, f16('d', 0)),
  IQ4_XS: anatomy(32, f16('d', 0)),
  TQ1_0: anatomy(256, f16('d', 52)),
  TQ2_0: anatomy(256, f16('d', 64)),
  MXFP4: anatomy(32, { name: 'e', offset: 0, encoding: 'e8m0' }),
  NVFP4: anatomy(16, ...[0, 1, 2, 3].map((s): ScaleSlot => ({ name: `d[${s}]`, offset: s, encoding: 'ue4m3' }))),
};
