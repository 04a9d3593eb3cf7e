/**
 * Microscaling formats: 4-bit floats under an 8-bit float scale. Source: `block_mxfp4`, `block_nvfp4`, `kvalues_fp4` in
 * ggml-common.h, `ggml_e8m0_to_fp32_half`, `ggml_ue4m3_to_fp32` in ggml-impl.h and `dequantize_row_*` in ggml-quants.c
 * of llama.cpp v0.4.0; E2M1 and E8M0 from the OCP Microscaling Formats specification 1.0.
 *
 * As in ggml, codes stand for twice their E2M1 value and scales for half their own, so that codes are integers. An
 * integer of 4 bits × a scale of at most 4 bits is exact in f32, subnormals included; 2¹²⁷ × 2 and more overflow to
 * infinity when they are stored, as in C.
 */
import { f32FromBits } from '../base/float-bits';
import { field, listOf } from './block-fields';
import type { DequantizeBlocks, SupportedFormat } from './format';
import { blockStruct, layoutOf } from './layout';

const MX = 32;
const NV = 64;
const NV_SUB = 16;

const mxfp4 = blockStruct({ e: 1, qs: MX / 2 }, 17);
const nvfp4 = blockStruct({ d: NV / NV_SUB, qs: NV / 2 }, 36);

/** Twice the value of E2M1: bit 3 the sign, bits 2 1 the exponent, bit 0 the mantissa. Code 8 is +0 here. */
export const FP4_DOUBLED: Int8Array<ArrayBuffer> = Int8Array.of(
  0,
  1,
  2,
  3,
  4,
  6,
  8,
  12,
  0,
  -1,
  -2,
  -3,
  -4,
  -6,
  -8,
  -12,
);

/** Half of E8M0, the power 2^(e − 127), by its f32 bits; the last two are subnormal. 255 is no NaN here. */
const E8M0_HALVED = Float32Array.from({ length: 256 }, (_, e) =>
  f32FromBits(e < 2 ? 0x200000 << e : ((e - 1) << 23) >>> 0),
);

/** Half of UE4M3: bits 6…3 the exponent (bias 7), bits 2…0 the mantissa. 0x7f, NaN by the standard, is 0 in ggml. */
const UE4M3_HALVED = Float32Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x7f) return 0;
  const exponent = (byte >> 3) & 15;
  const mantissa = byte & 7;
  return exponent === 0 ? mantissa * 2 ** -10 : (8 + mantissa) * 2 ** (exponent - 11);
});

/*
 * MXFP4, 17 bytes: x = q × d, d = 2^(e − 128), q = twice E2M1
 *
 *   byte 0     e, E8M0
 *   byte 1+j   bits 7…4  code of element j + 16      (j = 0 … 15)
 *              bits 3…0  code of element j
 */
const dequantizeMXFP4: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const e8m0 = E8M0_HALVED;
  const fp4 = FP4_DOUBLED;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 17, o += MX) {
    const d = e8m0[src[p]!]!;
    for (let j = 0; j < 16; j++) {
      const byte = src[p + 1 + j]!;
      dst[o + j] = fp4[byte & 15]! * d;
      dst[o + 16 + j] = fp4[byte >> 4]! * d;
    }
  }
};

/*
 * NVFP4, 36 bytes: x = q × d, q = twice E2M1, d = half of UE4M3, four sub-blocks of 16
 *
 *   byte s        d of elements 16s … 16s + 15, UE4M3; bit 7 is ignored      (s = 0 … 3)
 *   byte 4+8s+j   bits 7…4  code of element 16s + 8 + j                      (j = 0 … 7)
 *                 bits 3…0  code of element 16s + j
 */
const dequantizeNVFP4: DequantizeBlocks = (src, srcOffset, blocks, dst, dstOffset) => {
  const ue4m3 = UE4M3_HALVED;
  const fp4 = FP4_DOUBLED;
  for (let b = 0, p = srcOffset, o = dstOffset; b < blocks; b++, p += 36) {
    for (let s = 0, q = p + 4; s < 4; s++, q += 8, o += NV_SUB) {
      const d = ue4m3[src[p + s]!]!;
      for (let j = 0; j < 8; j++) {
        const byte = src[q + j]!;
        dst[o + j] = fp4[byte & 15]! * d;
        dst[o + 8 + j] = fp4[byte >> 4]! * d;
      }
    }
  }
};

/** The field `e` shows d, half of what E8M0 says. */
export const MXFP4: SupportedFormat = {
  ...layoutOf('MXFP4', 'microscaling', MX, mxfp4),
  status: 'supported',
  dequantize: dequantizeMXFP4,
  fields: (block) => {
    const { e, qs } = mxfp4.offset;
    const code = (i: number): number => (block[qs + (i & 15)]! >> ((i & 16) >> 2)) & 15;
    return [field('e', e, 1, [E8M0_HALVED[block[e]!]!]), field('qs', qs, mxfp4.size.qs, listOf(MX, code))];
  },
};

/** The field `d` shows halves of what UE4M3 says. */
export const NVFP4: SupportedFormat = {
  ...layoutOf('NVFP4', 'microscaling', NV, nvfp4),
  status: 'supported',
  dequantize: dequantizeNVFP4,
  fields: (block) => {
    const { d, qs } = nvfp4.offset;
    const code = (i: number): number => (block[qs + 8 * (i >> 4) + (i & 7)]! >> ((i & 8) >> 1)) & 15;
    return [
      field(
        'd',
        d,
        nvfp4.size.d,
        listOf(4, (s) => UE4M3_HALVED[block[d + s]!]!),
      ),
      field('qs', qs, nvfp4.size.qs, listOf(NV, code)),
    ];
  },
};
