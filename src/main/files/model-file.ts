import fs from 'node:fs';
import { basename } from 'node:path';
import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { assembleModel } from '../../shared/gguf/model';
import type { GgufModel } from '../../shared/gguf/model';
import type { WeightSource } from '../../shared/gguf/model-source';
import { parseGguf } from '../../shared/gguf/parse';
import { parseShardName, shardPaths } from '../../shared/gguf/shard-names';
import type { GgufTensor } from '../../shared/gguf/tensor-directory';
import { MappedFile } from './mapped-file';
import type { MappedFileHandle } from './mapped-file';
import { ModelTensor } from './model-tensor';

/** A model as another worker thread of the same process may read it; can be structured-cloned. */
export interface ModelHandle {
  readonly path: string;
  readonly shards: readonly MappedFileHandle[];
  readonly bigEndian: readonly boolean[];
  readonly tensors: readonly GgufTensor[];
}

/** Weights of mapped files, by name. Where a name comes twice, the first counts. */
class MappedWeights implements WeightSource {
  readonly label: string;
  private readonly byName = new Map<string, GgufTensor>();

  constructor(
    readonly path: string,
    protected readonly shards: readonly MappedFile[],
    protected readonly bigEndian: readonly boolean[],
    protected readonly directory: readonly GgufTensor[],
  ) {
    this.label = basename(path);
    for (const tensor of directory) {
      if (!this.byName.has(tensor.name)) this.byName.set(tensor.name, tensor);
    }
  }

  /**
   * A weight by name; undefined where the model has none of that name. Throws QuarrelError where its data cannot be
   * read (type unknown, outside the file, quantized and big-endian).
   */
  tensor(name: string): ModelTensor | undefined {
    const entry = this.byName.get(name);
    if (entry === undefined) return undefined;
    const shard = this.shards[entry.shard];
    assert(shard !== undefined, `tensor ${name} is in shard ${entry.shard} of ${this.shards.length}`);
    return new ModelTensor(entry, shard, this.bigEndian[entry.shard] === true);
  }

  /** The weight, or QuarrelError. */
  requireTensor(name: string): ModelTensor {
    const tensor = this.tensor(name);
    if (tensor === undefined) {
      throw new QuarrelError(`${this.path}: no tensor ${name} among its ${this.directory.length}`);
    }
    return tensor;
  }
}

/** A model file (or the files of a split model), mapped and parsed. The caller disposes it. */
export class ModelFile extends MappedWeights {
  constructor(
    path: string,
    shards: readonly MappedFile[],
    readonly gguf: GgufModel,
  ) {
    const bigEndian = gguf.shards.map((shard) => shard.endian === 'big');
    super(path, shards, bigEndian, gguf.tensors);
  }

  /** Its files, first shard first. */
  get files(): readonly string[] {
    return this.shards.map((shard) => shard.label);
  }

  /** For `attachModel` in another worker thread; good until `dispose`. */
  handle(): ModelHandle {
    const { path, bigEndian } = this;
    return { path, bigEndian, tensors: this.directory, shards: this.shards.map((shard) => shard.handle()) };
  }

  /** Unmaps the files. No other thread may be reading them. */
  dispose(): void {
    for (const shard of this.shards) shard.dispose();
  }
}

/**
 * Opens a GGUF model. Of a split model any shard may be given; all are opened.
 * Throws QuarrelError: missing file or shard, not GGUF, header damaged. Lesser damage is in `gguf.findings`.
 */
export function openModel(path: string): ModelFile {
  const opened: MappedFile[] = [];
  try {
    const files = modelPaths(path).map((file, shard) => {
      const mapped = MappedFile.open(file);
      opened.push(mapped);
      return parseGguf(mapped, shard);
    });
    return new ModelFile(path, opened, assembleModel(files));
  } catch (error) {
    for (const file of opened) file.dispose();
    throw error;
  }
}

/** A model that another thread of this process has open; nothing to dispose. */
export function attachModel(handle: ModelHandle): WeightSource & { requireTensor(name: string): ModelTensor } {
  const shards = handle.shards.map((shard) => MappedFile.attach(shard));
  return new MappedWeights(handle.path, shards, handle.bigEndian, handle.tensors);
}

/** The paths of all shards, or the one path. Throws QuarrelError that names the shards that are missing. */
function modelPaths(path: string): string[] {
  const name = parseShardName(path);
  if (name === undefined || name.count === 1) return [path];
  const paths = shardPaths(name);
  const missing = paths.filter((shard) => !fs.existsSync(shard));
  if (missing.length === 0) return paths;
  const shown = missing.slice(0, 4).map((shard) => basename(shard));
  const more = missing.length > shown.length ? ` and ${missing.length - shown.length} more` : '';
  throw new QuarrelError(`${path}: ${missing.length} of ${name.count} shards are missing: ${shown.join(', ')}${more}`);
}
