/**
 * The tiny model: a small llama model with random weights in which everything is present that Quarrel looks at (grouped
 * heads, NORM rope, four weight types, a vocabulary that takes prompts). Made from a seed, byte for byte the same
 * wherever ggml's quantizers are compiled to the same arithmetic.
 */
import { loadGgmlBase } from '../../src/main/capture/llama-library';
import type { GgmlBase } from '../../src/main/capture/llama-library';
import { locateLibrary } from '../../src/main/capture/library-files';
import type { MetadataSpec, TensorSpec } from '../../src/shared/gguf/write';
import { encodeGguf } from '../../src/shared/gguf/write';
import { GgmlType } from '../../src/shared/quant/ggml-type';
import { QUANT_FORMATS } from '../../src/shared/quant/registry';
import { learnBytePairs } from './byte-pairs';
import { CORPUS } from './corpus';
import { Random } from './random';

export const SPECIMEN_SEED = 20250607;

const HIDDEN = 256;
const HEADS = 4;
const KV_HEADS = 2;
const HEAD_SIZE = HIDDEN / HEADS;
const LAYERS = 6;
const FFN = 768;
const CONTEXT = 512;
const MERGES = 255;
const END_OF_TEXT = '<|endoftext|>';
/** `LLAMA_TOKEN_TYPE_NORMAL` and `LLAMA_TOKEN_TYPE_CONTROL`. */
const NORMAL = 1;
const CONTROL = 3;

/** A weight matrix or norm: `scale` is the standard deviation of its values, `around` their mean. */
interface Weight extends TensorSpec {
  readonly scale: number;
  readonly around: number;
}

/** The whole GGUF file. Throws QuarrelError where the llama.cpp library, whose quantizers it uses, is missing. */
export function makeTinyModel(seed = SPECIMEN_SEED): Uint8Array<ArrayBuffer> {
  const library = loadGgmlBase(locateLibrary());
  const vocabulary = learnBytePairs(CORPUS, MERGES);
  const tokens = [...vocabulary.tokens, END_OF_TEXT];
  const weights = weightList(tokens.length);
  const random = new Random(seed);
  const data = weights.map((w) => weightBytes(library, w, random));
  return encodeGguf({ metadata: metadata(seed, tokens, vocabulary.merges), tensors: weights }, data);
}

function metadata(seed: number, tokens: readonly string[], merges: readonly string[]): readonly MetadataSpec[] {
  const end = tokens.length - 1;
  return [
    { key: 'general.architecture', type: 'str', value: 'llama' },
    { key: 'general.name', type: 'str', value: 'quarrel-tiny' },
    { key: 'general.license', type: 'str', value: 'mit' },
    {
      key: 'general.description',
      type: 'str',
      value: `Random weights, made by build/make-tiny-model.mjs from seed ${seed}; part of Quarrel, for tests`,
    },
    { key: 'general.quantization_version', type: 'u32', value: 2 },
    { key: 'quarrel.seed', type: 'u32', value: seed },
    { key: 'llama.context_length', type: 'u32', value: CONTEXT },
    { key: 'llama.embedding_length', type: 'u32', value: HIDDEN },
    { key: 'llama.block_count', type: 'u32', value: LAYERS },
    { key: 'llama.feed_forward_length', type: 'u32', value: FFN },
    { key: 'llama.attention.head_count', type: 'u32', value: HEADS },
    { key: 'llama.attention.head_count_kv', type: 'u32', value: KV_HEADS },
    { key: 'llama.attention.layer_norm_rms_epsilon', type: 'f32', value: 1e-5 },
    { key: 'llama.rope.dimension_count', type: 'u32', value: HEAD_SIZE },
    { key: 'llama.rope.freq_base', type: 'f32', value: 10000 },
    { key: 'llama.vocab_size', type: 'u32', value: tokens.length },
    { key: 'tokenizer.ggml.model', type: 'str', value: 'gpt2' },
    { key: 'tokenizer.ggml.pre', type: 'str', value: 'gpt-2' },
    { key: 'tokenizer.ggml.tokens', arrayOf: 'str', value: tokens },
    { key: 'tokenizer.ggml.token_type', arrayOf: 'i32', value: tokens.map((_, i) => (i === end ? CONTROL : NORMAL)) },
    { key: 'tokenizer.ggml.merges', arrayOf: 'str', value: merges },
    { key: 'tokenizer.ggml.bos_token_id', type: 'u32', value: end },
    { key: 'tokenizer.ggml.eos_token_id', type: 'u32', value: end },
    { key: 'tokenizer.ggml.add_bos_token', type: 'bool', value: false },
  ];
}

/** Types as a Q4_K_M mix has them, with Q5_K besides; scales that keep activations near 1. */
function weightList(vocabulary: number): readonly Weight[] {
  const matrix = (name: string, type: Weight['type'], inputs: number, outputs: number, gain = 1): Weight => ({
    name: `${name}.weight`,
    type,
    ne: [inputs, outputs],
    scale: gain / Math.sqrt(inputs),
    around: 0,
  });
  const norm = (name: string): Weight => ({ name: `${name}.weight`, type: 'F32', ne: [HIDDEN], scale: 0.1, around: 1 });
  const layers = Array.from({ length: LAYERS }, (_, i) => {
    const at = `blk.${i}`;
    const odd = i % 2 === 1;
    return [
      norm(`${at}.attn_norm`),
      matrix(`${at}.attn_q`, 'Q4_K', HIDDEN, HIDDEN, 1.5),
      matrix(`${at}.attn_k`, odd ? 'Q5_K' : 'Q4_K', HIDDEN, KV_HEADS * HEAD_SIZE, 1.5),
      matrix(`${at}.attn_v`, odd ? 'Q5_K' : 'Q6_K', HIDDEN, KV_HEADS * HEAD_SIZE),
      matrix(`${at}.attn_output`, 'Q4_K', HIDDEN, HIDDEN),
      norm(`${at}.ffn_norm`),
      matrix(`${at}.ffn_gate`, 'Q4_K', HIDDEN, FFN, 1.5),
      matrix(`${at}.ffn_up`, odd ? 'Q5_K' : 'Q4_K', HIDDEN, FFN),
      matrix(`${at}.ffn_down`, odd ? 'Q4_K' : 'Q6_K', FFN, HIDDEN),
    ];
  });
  return [
    { ...matrix('token_embd', 'Q4_K', HIDDEN, vocabulary), scale: 1 },
    ...layers.flat(),
    norm('output_norm'),
    matrix('output', 'Q6_K', HIDDEN, vocabulary, 3),
  ];
}

function weightBytes(library: GgmlBase, weight: Weight, random: Random): Uint8Array {
  const count = weight.ne.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length: count }, () => weight.around + weight.scale * random.normal());
  if (weight.type === 'F32') return new Uint8Array(values.buffer);
  const { blockElements, blockBytes } = QUANT_FORMATS[weight.type];
  const bytes = new Uint8Array((count / blockElements) * blockBytes);
  const perRow = weight.ne[0] ?? 1;
  library.ggml_quantize_chunk(GgmlType[weight.type], values, bytes, 0, count / perRow, perRow, null);
  return bytes;
}
