import fs from 'node:fs';

import type { GgufSpec, MetadataSpec, TensorSpec } from '../../../src/shared/gguf/write';
import { layoutGguf } from '../../../src/shared/gguf/write';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';

export interface ModelShape {
  readonly arch: 'llama' | 'qwen2';
  readonly hidden: number;
  readonly heads: number;
  readonly ffn: number;
  readonly layers: number;
  readonly vocabulary: number;
  readonly matrixType: GgmlTypeName;
  /** Elements of a head that rope rotates; the head's size where it is not given. */
  readonly ropeDims?: number;
}

export const TINY: ModelShape = {
  arch: 'llama',
  hidden: 32,
  heads: 2,
  ffn: 64,
  layers: 2,
  vocabulary: 40,
  matrixType: 'F32',
};

/** A model without a vocabulary, as llama.cpp loads it. */
export function modelSpec(shape: ModelShape): GgufSpec & { readonly metadata: readonly MetadataSpec[] } {
  const { arch, hidden, heads, ffn, layers, vocabulary, matrixType: type } = shape;
  const u32 = (key: string, value: number): MetadataSpec => ({ key: `${arch}.${key}`, type: 'u32', value });
  const matrix = (name: string, inputs: number, outputs: number): TensorSpec => ({
    name: `${name}.weight`,
    type,
    ne: [inputs, outputs],
  });
  const vector = (name: string): TensorSpec => ({ name, type: 'F32', ne: [hidden] });
  const layer = (i: number): TensorSpec[] => {
    const at = `blk.${i}.`;
    const biases = arch === 'qwen2' ? ['attn_q', 'attn_k', 'attn_v'].map((n) => vector(`${at}${n}.bias`)) : [];
    return [
      vector(`${at}attn_norm.weight`),
      ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((n) => matrix(at + n, hidden, hidden)),
      ...biases,
      vector(`${at}ffn_norm.weight`),
      matrix(`${at}ffn_gate`, hidden, ffn),
      matrix(`${at}ffn_up`, hidden, ffn),
      matrix(`${at}ffn_down`, ffn, hidden),
    ];
  };
  return {
    metadata: [
      { key: 'general.architecture', type: 'str', value: arch },
      { key: 'tokenizer.ggml.model', type: 'str', value: 'no_vocab' },
      { key: `${arch}.attention.layer_norm_rms_epsilon`, type: 'f32', value: 1e-5 },
      u32('context_length', 512),
      u32('embedding_length', hidden),
      u32('block_count', layers),
      u32('feed_forward_length', ffn),
      u32('attention.head_count', heads),
      u32('rope.dimension_count', shape.ropeDims ?? hidden / heads),
      u32('vocab_size', vocabulary),
    ],
    tensors: [
      matrix('token_embd', hidden, vocabulary),
      vector('output_norm.weight'),
      matrix('output', hidden, vocabulary),
      ...Array.from({ length: layers }, (_, i) => layer(i)).flat(),
    ],
  };
}

/**
 * Writes a model file.
 * @param valueAt value of element `i` of F32 tensors, by name; undefined leaves holes in the file, which read as zeros
 *   and take no disk
 */
export function writeModel(path: string, spec: GgufSpec, valueAt?: (name: string, i: number) => number): void {
  const layout = layoutGguf(spec);
  const fd = fs.openSync(path, 'w');
  try {
    fs.writeSync(fd, layout.header);
    fs.ftruncateSync(fd, layout.fileSize);
    spec.tensors.forEach((t, k) => {
      if (!valueAt) return;
      const { offset, byteLength } = layout.tensors[k]!;
      fs.writeSync(
        fd,
        Float32Array.from({ length: byteLength / 4 }, (_, i) => valueAt(t.name, i)),
        0,
        byteLength,
        offset,
      );
    });
  } finally {
    fs.closeSync(fd);
  }
}

/** Writes a model in two parts, named as llama.cpp names them; returns the first one's path. */
export function writeSplitModel(prefix: string, spec: GgufSpec, valueAt: (name: string, i: number) => number): string {
  const half = Math.floor(spec.tensors.length / 2);
  const parts = [spec.tensors.slice(0, half), spec.tensors.slice(half)];
  const path = (no: number): string => `${prefix}-0000${no + 1}-of-00002.gguf`;
  parts.forEach((tensors, no) => {
    const split: readonly MetadataSpec[] = [
      { key: 'split.no', type: 'u16', value: no },
      { key: 'split.count', type: 'u16', value: parts.length },
      { key: 'split.tensors.count', type: 'i32', value: spec.tensors.length },
    ];
    writeModel(path(no), { metadata: no === 0 ? [...spec.metadata, ...split] : split, tensors }, valueAt);
  });
  return path(0);
}

/** A smooth, exactly reproducible filling: norms near 1, matrices small. */
export function wave(name: string, i: number): number {
  return name.includes('norm') ? 1 : (((i * 2654435761) >>> 0) / 2 ** 32 - 0.5) / 4;
}
