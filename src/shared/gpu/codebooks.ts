import { IQ1S, IQ2S, IQ2XS, IQ2XXS, IQ3S, IQ3XXS, IQ4_VALUES } from '../quant/i-quants-tables';
import { FP4_DOUBLED } from '../quant/microscaling';
import type { BlockType } from './shader-variant';

/** The scalar decoders' own tables: what `lib/codebook.wgsl` reads is never a second copy of them. */
const CODEBOOKS: Partial<Record<BlockType, Int8Array>> = {
  IQ1_S: IQ1S,
  IQ1_M: IQ1S,
  IQ2_XXS: IQ2XXS,
  IQ2_XS: IQ2XS,
  IQ2_S: IQ2S,
  IQ3_XXS: IQ3XXS,
  IQ3_S: IQ3S,
  IQ4_NL: IQ4_VALUES,
  IQ4_XS: IQ4_VALUES,
  MXFP4: FP4_DOUBLED,
  NVFP4: FP4_DOUBLED,
};

/** What a format's codes stand for, one int8 each, entry after entry; undefined for formats without a codebook. */
export function codebookOf(type: BlockType): Int8Array | undefined {
  return CODEBOOKS[type];
}
