import koffi from 'koffi';

import { QuarrelError } from '../../shared/base/errors';
import { fiveDigits, parseShardName } from '../../shared/gguf/shard-names';
import type { LlamaLibrary } from './llama-library';

/** Type id and shape of the model file's tensors by name, as llama.cpp's own GGUF reader sees them. */
export type ModelTensors = ReadonlyMap<string, { readonly type: number; readonly ne: readonly number[] }>;

const NE = koffi.array('int64_t', 4, 'Array');

/**
 * Reads the header of a model file, of every part where it is split.
 * Throws QuarrelError when llama.cpp does not take it for a GGUF file (it has then said why on stderr).
 */
export function readModelTensors(library: LlamaLibrary, path: string): ModelTensors {
  const tensors = new Map<string, { type: number; ne: readonly number[] }>();
  const parts = addTensors(library, path, tensors);
  if (parts > 1) for (const part of splitPaths(path, parts).slice(1)) addTensors(library, part, tensors);
  return tensors;
}

/** Returns the number of parts that the file says the model has. */
function addTensors(
  library: LlamaLibrary,
  path: string,
  into: Map<string, { type: number; ne: readonly number[] }>,
): number {
  const gguf = library.gguf_init_from_file(path, { no_alloc: true, ctx: null });
  if (gguf === null) throw new QuarrelError(`llama.cpp cannot read ${path} as a GGUF file`);
  try {
    const count = library.gguf_get_n_tensors(gguf);
    for (let id = 0; id < count; id++) {
      const ne = (koffi.decode(library.gguf_get_tensor_ne(gguf, id), NE) as (number | bigint)[]).map(Number);
      into.set(library.gguf_get_tensor_name(gguf, id), { type: library.gguf_get_tensor_type(gguf, id), ne });
    }
    const split = library.gguf_find_key(gguf, 'split.count');
    return split < 0 ? 1 : library.gguf_get_val_u16(gguf, split);
  } finally {
    library.gguf_free(gguf);
  }
}

/** Paths of all parts; mirrors the names of `llama_split_path`. */
function splitPaths(path: string, parts: number): readonly string[] {
  const suffix = (i: number): string => `-${fiveDigits(i)}-of-${fiveDigits(parts)}.gguf`;
  if (!path.endsWith(suffix(1))) {
    const name = parseShardName(path);
    if (name !== undefined && name.count !== parts) {
      throw new QuarrelError(
        `${path}: split.count is ${parts}, the name says ${name.count} parts: which one is wrong?`,
      );
    }
    throw new QuarrelError(`${path} is one of ${parts} parts of a model: name the first, which ends in ${suffix(1)}`);
  }
  const prefix = path.slice(0, -suffix(1).length);
  return Array.from({ length: parts }, (_, i) => prefix + suffix(i + 1));
}
