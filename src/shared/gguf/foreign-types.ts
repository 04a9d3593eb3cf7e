/** Type ids that llama.cpp v0.4.0 does not read, by the names that they have or had elsewhere. */

/**
 * Types that were in ggml, and what its authors say in their place. Source: the texts of the removed entries of
 * `type_traits` in ggml.c.
 */
const REMOVED: Readonly<Record<number, readonly [name: string, instead: string]>> = {
  4: ['Q4_2', 'quantize the model anew, to Q4_0 say'],
  5: ['Q4_3', 'quantize the model anew, to Q4_1 say'],
  31: ['Q4_0_4_4', 'use Q4_0, which llama.cpp repacks as it loads'],
  32: ['Q4_0_4_8', 'use Q4_0, which llama.cpp repacks as it loads'],
  33: ['Q4_0_8_8', 'use Q4_0, which llama.cpp repacks as it loads'],
  36: ['IQ4_NL_4_4', 'use IQ4_NL, which llama.cpp repacks as it loads'],
  37: ['IQ4_NL_4_8', 'use IQ4_NL, which llama.cpp repacks as it loads'],
  38: ['IQ4_NL_8_8', 'use IQ4_NL, which llama.cpp repacks as it loads'],
};

/** Ids that BitNet's fork of llama.cpp has given to types of its own. */
const BITNET: Readonly<Record<number, string>> = { 36: 'I2_S', 37: 'I8_S', 38: 'TL1' };

/** `enum ggml_type` of ik_llama.cpp from 97 on; `_R4` and the like are rows interleaved. */
const IK_LLAMA: Readonly<Record<number, string>> = {
  ...{ 97: 'Q8_0_X4', 98: 'Q8_1_X4', 99: 'Q8_2_X4', 133: 'Q6_0', 134: 'IQ1_BN', 135: 'IQ2_BN', 136: 'Q8_K64' },
  ...{ 137: 'IQ2_K', 138: 'IQ3_K', 139: 'IQ4_K', 140: 'IQ5_K', 141: 'IQ6_K', 144: 'IQ4_KS', 145: 'IQ2_KS' },
  ...{ 146: 'IQ4_KSS', 147: 'Q8_K16', 148: 'Q8_K32', 149: 'Q8_KR8', 150: 'Q8_K128', 151: 'Q8_KV', 152: 'IQ5_KS' },
  ...{ 153: 'IQ2_KT', 154: 'IQ3_KT', 155: 'IQ4_KT', 156: 'IQ3_KS', 157: 'IQ2_KL', 158: 'IQ1_KT' },
  ...{ 202: 'Q4_0_R8', 206: 'Q5_0_R4', 208: 'Q8_0_R8', 210: 'Q2_K_R4', 211: 'Q3_K_R4', 212: 'Q4_K_R4' },
  ...{ 213: 'Q5_K_R4', 214: 'Q6_K_R4', 216: 'IQ2_XXS_R4', 217: 'IQ2_XS_R4', 218: 'IQ3_XXS_R4', 219: 'IQ1_S_R4' },
  ...{ 220: 'IQ4_NL_R4', 221: 'IQ3_S_R4', 222: 'IQ2_S_R4', 223: 'IQ4_XS_R8', 229: 'IQ1_M_R4', 230: 'BF16_R16' },
  ...{ 233: 'Q6_0_R4', 335: 'IQ2_BN_R4', 337: 'IQ2_K_R4', 338: 'IQ3_K_R4', 339: 'IQ4_K_R4', 340: 'IQ5_K_R4' },
  ...{ 344: 'IQ4_KS_R4', 352: 'IQ5_KS_R4', 353: 'MXFP4_R8', 397: 'Q8_K_R16', 398: 'Q8_KV_R8', 399: 'Q8_K_R8' },
};

/** Why a type id is not read, what it is elsewhere, and what can be done. */
export function unknownTypeText(id: number): string {
  const removed = REMOVED[id];
  if (removed) {
    const fork = BITNET[id];
    const orFork = fork === undefined ? '' : `; in BitNet's fork it is ${fork}, which llama.cpp does not run`;
    return `type ${id} (${removed[0]}) was removed from ggml: ${removed[1]}${orFork}`;
  }
  const ik = IK_LLAMA[id];
  if (ik !== undefined) return `type ${id} is ${ik} of ik_llama.cpp, which llama.cpp v0.4.0 does not know`;
  return `type ${id} is unknown to llama.cpp v0.4.0: of a fork, or of a newer version?`;
}
