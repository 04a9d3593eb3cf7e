/** Small random models in the formats and with the features that plants need. */
import fs from 'node:fs';
import type { MetadataSpec, TensorSpec } from '../../../shared/gguf/write';
import { encodeGguf } from '../../../shared/gguf/write';
import { f32ToBf16, f32ToF16 } from '../../../shared/base/float-bits';
import { GgmlType } from '../../../shared/quant/ggml-type';
import type { GgmlTypeName } from '../../../shared/quant/ggml-type';
import { rowBytes } from '../../../shared/quant/registry';
import type { GgmlBase } from '../../capture/llama-library';
import { keepGgmlBase, loadGgmlBase } from '../../capture/llama-library';
import { locateLibrary } from '../../capture/library-files';
import { Random } from './random';

export interface ModelRecipe {
  readonly arch: 'llama' | 'qwen2' | 'qwen3' | 'gemma2' | 'stablelm';
  /** Formats of the weight matrices, one layer each. */
  readonly layers: readonly GgmlTypeName[];
  readonly embedding?: GgmlTypeName;
  readonly hidden?: number;
  /** Channels that rope turns; all of a head when absent. */
  readonly ropeChannels?: number;
  /** Whether `rope_freqs.weight` divides the frequencies, as in Llama 3. */
  readonly ropeFactors?: boolean;
  readonly yarn?: boolean;
  /** Least and greatest f16 scale of blocks are to lie on both sides of the least normal one. */
  readonly tinyScales?: boolean;
  /** Factors on the spread of Q and K, and of gate and up. */
  readonly attentionGain?: number;
  readonly ffnGain?: number;
  /** The epsilon of RMS norms, and a factor on the embedding that makes it count. */
  readonly epsilon?: number;
  readonly embeddingGain?: number;
}

export const MADE_HEAD = 64;
const HEADS = 4;
const KV_HEADS = 2;
const FFN = 512;
const VOCABULARY = 160;
/** The sliding window of made gemma2 models: less than the tokens that the benchmark runs. */
export const MADE_WINDOW = 4;

/** Standard deviation at which a format's block scale is near 2⁻¹⁴, the least normal f16. */
const TINY: Partial<Record<GgmlTypeName, number>> = {
  ...{ Q4_0: 2.2e-4, Q4_1: 2.2e-4, Q5_0: 4.5e-4, Q5_1: 4.5e-4, Q8_0: 3.6e-3, IQ4_NL: 3.6e-3 },
  ...{ Q2_K: 2.2e-3, Q3_K: 2.5e-3, Q4_K: 1.4e-2, Q5_K: 2.8e-2, Q6_K: 8.5e-2 },
};

interface Weight extends TensorSpec {
  readonly spread: number;
  readonly around: number;
}

/** Loaded once: ggml aborts where it is loaded a second time. */
let quantizers: GgmlBase | undefined;

/** Writes the model to `out`. Throws QuarrelError where the llama.cpp library, whose quantizers it uses, is missing. */
export function makeModel(recipe: ModelRecipe, seed: number, out: string): void {
  const files = locateLibrary();
  keepGgmlBase(files);
  quantizers ??= loadGgmlBase(files);
  const library = quantizers;
  const weights = weightList(recipe);
  const random = Random.named(seed, 'weights');
  const data = weights.map((w) => weightBytes(library, w, random));
  fs.writeFileSync(out, encodeGguf({ metadata: metadata(recipe), tensors: weights }, data));
}

function metadata(recipe: ModelRecipe): readonly MetadataSpec[] {
  const { arch, layers, hidden = 256, ropeChannels = MADE_HEAD, yarn, epsilon = 1e-5 } = recipe;
  const u32 = (key: string, value: number): MetadataSpec => ({ key: `${arch}.${key}`, type: 'u32', value });
  const f32 = (key: string, value: number): MetadataSpec => ({ key: `${arch}.${key}`, type: 'f32', value });
  return [
    { key: 'general.architecture', type: 'str', value: arch },
    { key: 'general.quantization_version', type: 'u32', value: 2 },
    u32('context_length', 512),
    u32('embedding_length', hidden),
    u32('block_count', layers.length),
    u32('feed_forward_length', FFN),
    u32('vocab_size', VOCABULARY),
    u32('attention.head_count', HEADS),
    u32('attention.head_count_kv', KV_HEADS),
    u32('attention.key_length', MADE_HEAD),
    u32('attention.value_length', MADE_HEAD),
    f32(arch === 'stablelm' ? 'attention.layer_norm_epsilon' : 'attention.layer_norm_rms_epsilon', epsilon),
    u32('rope.dimension_count', ropeChannels),
    f32('rope.freq_base', 10_000),
    ...(yarn
      ? [
          { key: `${arch}.rope.scaling.type`, type: 'str', value: 'yarn' } as const,
          f32('rope.scaling.factor', 4),
          u32('rope.scaling.original_context_length', 128),
        ]
      : []),
    ...(arch === 'gemma2'
      ? [
          u32('attention.sliding_window', MADE_WINDOW),
          f32('attn_logit_softcapping', 50),
          f32('final_logit_softcapping', 30),
        ]
      : []),
    { key: 'tokenizer.ggml.model', type: 'str', value: 'none' },
  ];
}

function weightList(recipe: ModelRecipe): readonly Weight[] {
  const { arch, layers, hidden = 256, embedding = 'Q8_0', ropeFactors, embeddingGain = 1 } = recipe;
  const gemma = arch === 'gemma2';
  const norm = (name: string, width = hidden): Weight => ({
    name: `${name}.weight`,
    type: 'F32',
    ne: [width],
    spread: 0.1,
    around: 1,
  });
  const offsets = (name: string, width: number): Weight => ({
    ...plain,
    name: `${name}.bias`,
    ne: [width],
    spread: 0.1,
  });
  const plain = { type: 'F32', around: 0, spread: 1 } as const;
  return [
    { name: 'token_embd.weight', type: embedding, ne: [hidden, VOCABULARY], spread: embeddingGain, around: 0 },
    ...layers.flatMap((type, i) => layerWeights(recipe, `blk.${i}`, type, norm)),
    norm('output_norm'),
    ...(arch === 'stablelm' ? [offsets('output_norm', hidden)] : []),
    ...(gemma
      ? []
      : [
          { ...plain, name: 'output.weight', type: embedding, ne: [hidden, VOCABULARY], spread: 3 / Math.sqrt(hidden) },
        ]),
    ...(ropeFactors ? [{ ...plain, name: 'rope_freqs.weight', ne: [MADE_HEAD / 2], around: 4, spread: 0.8 }] : []),
  ];
}

function layerWeights(
  { arch, hidden = 256, attentionGain = 1.5, ffnGain = 1, tinyScales }: ModelRecipe,
  at: string,
  type: GgmlTypeName,
  norm: (name: string, width?: number) => Weight,
): readonly Weight[] {
  const matrix = (name: string, inputs: number, outputs: number, gain = 1): Weight => ({
    name: `${at}.${name}.weight`,
    type,
    ne: [inputs, outputs],
    spread: (tinyScales ? TINY[type] : undefined) ?? gain / Math.sqrt(inputs),
    around: 0,
  });
  const bias = (name: string, width: number): Weight => ({
    name: `${at}.${name}.bias`,
    type: 'F32',
    ne: [width],
    spread: 0.5,
    around: 0,
  });
  const kv = KV_HEADS * MADE_HEAD;
  const width = HEADS * MADE_HEAD;
  return [
    norm(`${at}.attn_norm`),
    matrix('attn_q', hidden, width, attentionGain),
    matrix('attn_k', hidden, kv, attentionGain),
    matrix('attn_v', hidden, kv),
    matrix('attn_output', width, hidden),
    norm(`${at}.ffn_norm`),
    matrix('ffn_gate', hidden, FFN, 1.5 * ffnGain),
    matrix('ffn_up', hidden, FFN, ffnGain),
    matrix('ffn_down', FFN, hidden),
    ...(arch === 'stablelm' ? [bias('attn_norm', hidden), bias('ffn_norm', hidden)] : []),
    ...(arch === 'qwen2' ? [bias('attn_q', width), bias('attn_k', kv), bias('attn_v', kv)] : []),
    ...(arch === 'qwen3' ? [norm(`${at}.attn_q_norm`, MADE_HEAD), norm(`${at}.attn_k_norm`, MADE_HEAD)] : []),
    ...(arch === 'gemma2' ? [norm(`${at}.post_attention_norm`), norm(`${at}.post_ffw_norm`)] : []),
  ];
}

function weightBytes(library: GgmlBase, { type, ne, spread, around }: Weight, random: Random): Uint8Array {
  const perRow = ne[0] ?? 1;
  const rows = ne[1] ?? 1;
  const values = Float32Array.from({ length: perRow * rows }, () => around + spread * random.normal());
  if (type === 'F32') return new Uint8Array(values.buffer);
  if (type === 'F16') return new Uint8Array(Uint16Array.from(values, f32ToF16).buffer);
  if (type === 'BF16') return new Uint8Array(Uint16Array.from(values, f32ToBf16).buffer);
  const bytes = new Uint8Array(rows * rowBytes(type, perRow));
  library.ggml_quantize_chunk(GgmlType[type], values, bytes, 0, rows, perRow, null);
  return bytes;
}
