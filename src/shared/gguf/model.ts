import { assert } from '../base/assert';
import { QuarrelError } from '../base/errors';
import type { Endian } from './cursor';
import type { Finding } from './findings';
import type { Metadata } from './metadata';
import type { GgufFile } from './parse';
import type { GgufTensor } from './tensor-directory';
import { fiveDigits } from './shard-names';
import { quoted } from './text';

/** One file of a model; a model that is not split has one. */
export interface GgufShard {
  readonly label: string;
  readonly version: number;
  readonly endian: Endian;
  readonly alignment: number;
  /** First byte of this file's data section. */
  readonly dataOffset: number;
  /** Bytes. */
  readonly fileSize: number;
}

/** A model as its files describe it. Header fields are those of the first shard. */
export interface GgufModel {
  readonly label: string;
  readonly version: number;
  readonly endian: Endian;
  readonly alignment: number;
  /** Of the first shard; the others repeat only the split keys. */
  readonly metadata: Metadata;
  /** Of all shards, in file order; `tensor.shard` indexes `shards`. */
  readonly tensors: readonly GgufTensor[];
  readonly dataOffset: number;
  /** Bytes of all shards. */
  readonly fileSize: number;
  readonly shards: readonly GgufShard[];
  readonly findings: readonly Finding[];
}

/**
 * Puts the shards of a model together (one file is a model of one shard).
 * @param files parsed with their index as `shard`, first to last
 */
export function assembleModel(files: readonly GgufFile[]): GgufModel {
  const first = files[0];
  assert(first !== undefined, 'a model has at least one file');
  const declared = first.metadata.number('split.count') ?? 1;
  if (declared > 1 && files.length === 1) {
    const joined = first.findings.find((f) => f.code === 'joined-shards');
    throw new QuarrelError(
      `${first.label}: holds one of ${declared} shards, but is not named NAME-00001-of-${fiveDigits(declared)}.gguf, ` +
        `so that the others cannot be found${joined ? `; ${joined.message}` : ''}`,
    );
  }
  const findings = files.flatMap((file) => file.findings);
  if (files.length > 1) findings.push(...splitFindings(files, declared));
  return {
    label: first.label,
    version: first.version,
    endian: first.endian,
    alignment: first.alignment,
    metadata: first.metadata,
    tensors: files.flatMap((file) => file.tensors),
    dataOffset: first.dataOffset,
    fileSize: files.reduce((sum, file) => sum + file.fileSize, 0),
    shards: files.map(({ label, version, endian, alignment, dataOffset, fileSize }) => ({
      label,
      version,
      endian,
      alignment,
      dataOffset,
      fileSize,
    })),
    findings,
  };
}

/** What the shards say about the split, against what is there. */
function splitFindings(files: readonly GgufFile[], declared: number): Finding[] {
  const findings: Finding[] = [];
  const mismatch = (shard: number, key: string, message: string): void => {
    const offset = files[shard]?.metadata.entry(key)?.offset ?? 0;
    findings.push({ severity: 'error', code: 'split-mismatch', message, offset, shard });
  };
  if (declared !== files.length) {
    mismatch(0, 'split.count', `split.count is ${declared}, the file names say ${files.length}`);
  }
  files.forEach((file, shard) => {
    const number = file.metadata.number('split.no');
    const found = number === undefined ? 'missing' : number;
    if (number !== shard) mismatch(shard, 'split.no', `split.no is ${found}, expected ${shard} by the file's name`);
  });
  const total = files.reduce((sum, file) => sum + file.tensors.length, 0);
  const expected = files[0]?.metadata.number('split.tensors.count');
  if (expected !== undefined && expected !== total) {
    mismatch(0, 'split.tensors.count', `the shards have ${total} tensors, split.tensors.count says ${expected}`);
  }
  findings.push(...duplicatesAcross(files));
  return findings;
}

function duplicatesAcross(files: readonly GgufFile[]): Finding[] {
  const findings: Finding[] = [];
  const home = new Map<string, number>();
  for (const { name: tensor, shard, infoOffset: offset } of files.flatMap((file) => file.tensors)) {
    const first = home.get(tensor);
    if (first === undefined) home.set(tensor, shard);
    else if (first !== shard) {
      const message = `tensor ${quoted(tensor)} is in shard ${first + 1} and in shard ${shard + 1}`;
      findings.push({ severity: 'error', code: 'duplicate-tensor', message, offset, tensor, shard });
    }
  }
  return findings;
}
