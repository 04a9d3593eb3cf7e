/**
 * The quantization that a file declares in `general.file_type`. Source: `enum llama_ftype` in llama.h and
 * `llama_ftype_get_default_type` in llama-quant.cpp of llama.cpp v0.4.0.
 */
import type { GgmlTypeName } from '../quant/ggml-type';

export interface FileType {
  /** As llama.cpp names it: Q4_K_M, IQ3_XS … */
  readonly name: string;
  /** The type that tensors get unless a rule of the quantizer says otherwise. */
  readonly base: GgmlTypeName;
}

const of = (name: string, base: GgmlTypeName): FileType => ({ name, base });
const plain = (base: GgmlTypeName): FileType => of(base, base);

const FILE_TYPES: ReadonlyMap<number, FileType> = new Map([
  [0, plain('F32')],
  [1, plain('F16')],
  [2, plain('Q4_0')],
  [3, plain('Q4_1')],
  [7, plain('Q8_0')],
  [8, plain('Q5_0')],
  [9, plain('Q5_1')],
  [10, plain('Q2_K')],
  [11, of('Q3_K_S', 'Q3_K')],
  [12, of('Q3_K_M', 'Q3_K')],
  [13, of('Q3_K_L', 'Q3_K')],
  [14, of('Q4_K_S', 'Q4_K')],
  [15, of('Q4_K_M', 'Q4_K')],
  [16, of('Q5_K_S', 'Q5_K')],
  [17, of('Q5_K_M', 'Q5_K')],
  [18, plain('Q6_K')],
  [19, plain('IQ2_XXS')],
  [20, plain('IQ2_XS')],
  [21, of('Q2_K_S', 'Q2_K')],
  [22, of('IQ3_XS', 'IQ3_S')],
  [23, plain('IQ3_XXS')],
  [24, plain('IQ1_S')],
  [25, plain('IQ4_NL')],
  [26, plain('IQ3_S')],
  [27, of('IQ3_M', 'IQ3_S')],
  [28, of('IQ2_S', 'IQ2_XS')],
  [29, of('IQ2_M', 'IQ2_S')],
  [30, plain('IQ4_XS')],
  [31, plain('IQ1_M')],
  [32, plain('BF16')],
  [36, plain('TQ1_0')],
  [37, plain('TQ2_0')],
  [38, of('MXFP4_MOE', 'MXFP4')],
  [39, plain('NVFP4')],
  [40, plain('Q1_0')],
  [41, plain('Q2_0')],
]);

/** LLAMA_FTYPE_GUESSED: set beside the type where the file did not say it. */
const GUESSED = 1024;

/** The declared type; undefined for a number that llama.cpp v0.4.0 does not know. */
export function fileType(id: number): FileType | undefined {
  return FILE_TYPES.get(id & ~GUESSED);
}
