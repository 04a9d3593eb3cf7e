import fs from 'node:fs';
import { basename } from 'node:path';
import { assert } from '../../shared/base/assert';
import { QuarrelError } from '../../shared/base/errors';
import { assembleModel } from '../../shared/gguf/model';
import type { Finding } from '../../shared/gguf/findings';
import type { GgufModel } from '../../shared/gguf/model';
import type { WeightSource } from '../../shared/gguf/model-source';
import { parseGguf } from '../../shared/gguf/parse';
import type { GgufFile } from '../../shared/gguf/parse';
import { zeroFindings } from '../../shared/gguf/zeros';
import { requireLocal } from './local-path';
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
 * Opens a GGUF model. Of a split model any shard may be given; all are opened. As in llama.cpp, `split.count` says
 * whether it is split, not the name.
 * Throws QuarrelError: missing file or shard, not GGUF, header damaged. Lesser damage is in `gguf.findings`.
 */
export function openModel(path: string): ModelFile {
  requireLocal(path);
  const opened: MappedFile[] = [];
  const parsed = (file: string, shard: number): GgufFile => {
    const mapped = MappedFile.open(file);
    opened.push(mapped);
    return parseGguf(mapped, shard);
  };
  try {
    const given = parsed(path, 0);
    const paths = isSplit(given) ? shardsOf(path) : undefined;
    if (!paths) return new ModelFile(path, opened, withOwnFindings(opened, assembleModel([given])));
    opened.pop()?.dispose();
    const files = paths.map(parsed);
    return new ModelFile(path, opened, withOwnFindings(opened, assembleModel(files)));
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

function isSplit({ metadata }: GgufFile): boolean {
  return (metadata.number('split.count') ?? 1) > 1;
}

/** The paths of all shards; undefined where the name is no shard's. Throws QuarrelError that names those that are missing. */
function shardsOf(path: string): string[] | undefined {
  const name = parseShardName(path);
  if (name === undefined || name.count === 1) return undefined;
  const paths = shardPaths(name);
  const missing = paths.filter((shard) => !fs.existsSync(shard));
  if (missing.length === 0) return paths;
  const shown = missing.slice(0, 4).map((shard) => basename(shard));
  const more = missing.length > shown.length ? ` and ${missing.length - shown.length} more` : '';
  throw new QuarrelError(`${path}: ${missing.length} of ${name.count} shards are missing: ${shown.join(', ')}${more}`);
}

/** Whether a file is a part of a split model, and not its first: such a model is opened by that one. */
export function isLaterShard(path: string): boolean {
  const name = parseShardName(path);
  if (name === undefined || name.index === 0) return false;
  try {
    const file = MappedFile.open(path);
    try {
      return isSplit(parseGguf(file));
    } finally {
      file.dispose();
    }
  } catch (error) {
    if (!(error instanceof QuarrelError)) throw error;
    // Damaged: the first part's case says so, where there is one.
    return fs.existsSync(shardPaths(name)[0] ?? '');
  }
}

function withOwnFindings(files: readonly MappedFile[], model: GgufModel): GgufModel {
  const zeros = files.flatMap((file, shard) => zeroFindings(file, shard, model));
  const own = [...zeros, ...nameFindings(model)];
  return own.length === 0 ? model : { ...model, findings: [...model.findings, ...own] };
}

/** A whole model whose name says that it is a part: it may have lost its keys. */
function nameFindings({ label, shards }: GgufModel): Finding[] {
  const name = shards.length > 1 ? undefined : parseShardName(label);
  if (name === undefined || name.count === 1) return [];
  const message =
    `the name says shard ${name.index + 1} of ${name.count}, and there is no split.count: ` +
    'it is read as a whole model, as llama.cpp does';
  return [{ severity: 'warning', code: 'split-mismatch', message, offset: 0, shard: 0 }];
}
