import type { GgufSpec, MetadataSpec, TensorSpec } from '../../src/shared/gguf/write';
import { writeModel } from '../main/capture/tiny-model';
import { uniform } from './values';

const HIDDEN = 32;
const HEADS = 2;
const FFN = 64;
const BUCKETS = 8;
const VOCABULARY = 40;

/**
 * Writes a tiny model with encoder and decoder (t5) and no vocabulary, as llama.cpp loads it. All tensors are F32 and
 * random; embeddings are small, so that the epsilon of the norms counts.
 */
export function writeEncoderDecoder(path: string): void {
  const spec = encoderDecoderSpec(2);
  const values = spec.tensors.map(({ name, ne }, seed) => {
    const count = ne.reduce((product, n) => product * n, 1);
    const spread = name === 'token_embd.weight' ? 0.02 : 0.3;
    return name.includes('norm') ? new Float32Array(count).fill(1) : uniform(count, -spread, spread, seed + 1);
  });
  const byName = new Map(spec.tensors.map((t, i) => [t.name, values[i]!]));
  writeModel(path, spec, (name, i) => byName.get(name)![i]!);
}

function encoderDecoderSpec(layers: number): GgufSpec {
  const u32 = (key: string, value: number): MetadataSpec => ({ key: `t5.${key}`, type: 'u32', value });
  const matrix = (name: string, inputs: number, outputs: number): TensorSpec => ({
    name: `${name}.weight`,
    type: 'F32',
    ne: [inputs, outputs],
  });
  const vector = (name: string): TensorSpec => ({ name: `${name}.weight`, type: 'F32', ne: [HIDDEN] });
  const attention = (prefix: string): TensorSpec[] => [
    vector(`${prefix}_norm`),
    ...['q', 'k', 'v', 'o'].map((which) => matrix(`${prefix}_${which}`, HIDDEN, HIDDEN)),
  ];
  const feedForward = (at: string): TensorSpec[] => [
    vector(`${at}ffn_norm`),
    matrix(`${at}ffn_up`, HIDDEN, FFN),
    matrix(`${at}ffn_down`, FFN, HIDDEN),
  ];
  const side = (name: 'enc' | 'dec', i: number): TensorSpec[] => {
    const at = `${name}.blk.${i}.`;
    return [
      ...attention(`${at}attn`),
      ...(i === 0 ? [matrix(`${at}attn_rel_b`, HEADS, BUCKETS)] : []),
      ...(name === 'dec' ? attention(`${at}cross_attn`) : []),
      ...feedForward(at),
    ];
  };
  const indices = Array.from({ length: layers }, (_, i) => i);
  return {
    metadata: [
      { key: 'general.architecture', type: 'str', value: 't5' },
      { key: 'tokenizer.ggml.model', type: 'str', value: 'no_vocab' },
      { key: 't5.attention.layer_norm_rms_epsilon', type: 'f32', value: 1e-5 },
      { key: 't5.attention.layer_norm_epsilon', type: 'f32', value: 1e-5 },
      u32('context_length', 64),
      u32('embedding_length', HIDDEN),
      u32('block_count', layers),
      u32('feed_forward_length', FFN),
      u32('attention.head_count', HEADS),
      u32('attention.key_length', HIDDEN / HEADS),
      u32('attention.value_length', HIDDEN / HEADS),
      u32('attention.relative_buckets_count', BUCKETS),
      u32('decoder_start_token_id', 0),
      u32('vocab_size', VOCABULARY),
    ],
    tensors: [
      matrix('token_embd', HIDDEN, VOCABULARY),
      vector('enc.output_norm'),
      vector('dec.output_norm'),
      ...indices.flatMap((i) => [...side('enc', i), ...side('dec', i)]),
    ],
  };
}
