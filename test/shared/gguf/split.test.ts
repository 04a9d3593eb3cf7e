import { describe, expect, it } from 'vitest';
import { assembleModel } from '../../../src/shared/gguf/model';
import { parseGguf } from '../../../src/shared/gguf/parse';
import { parseShardName, shardPaths } from '../../../src/shared/gguf/shard-names';
import { fixtureBytes, MemorySource } from '../../helpers/gguf-fixture';

function shard(index: number, count: number, total: number, names: readonly string[]): ReturnType<typeof parseGguf> {
  const metadata = [
    { key: 'split.no', type: 'u16', value: index },
    { key: 'split.count', type: 'u16', value: count },
    { key: 'split.tensors.count', type: 'i32', value: total },
  ] as const;
  const tensors = names.map((name) => ({ name, type: 'F32', ne: [4] }) as const);
  return parseGguf(new MemorySource(fixtureBytes({ metadata, tensors })), index);
}

describe('shard names', () => {
  it('are taken apart and put together', () => {
    const name = parseShardName('/models/big-00002-of-00003.gguf');
    expect(name).toEqual({ prefix: '/models/big', index: 1, count: 3 });
    expect(name && shardPaths(name)).toEqual([
      '/models/big-00001-of-00003.gguf',
      '/models/big-00002-of-00003.gguf',
      '/models/big-00003-of-00003.gguf',
    ]);
    expect(parseShardName('/models/big.gguf')).toBeUndefined();
    expect(parseShardName('/models/big-1-of-3.gguf')).toBeUndefined();
  });

  it.each(['x-00004-of-00003.gguf', 'x-00000-of-00003.gguf', 'x-00001-of-00000.gguf'])(
    '%s is a name like any other',
    (path) => {
      expect(parseShardName(path)).toBeUndefined();
    },
  );
});

describe('shards', () => {
  it('make one model', () => {
    const model = assembleModel([shard(0, 2, 3, ['a', 'b']), shard(1, 2, 3, ['c'])]);
    expect(model.findings).toEqual([]);
    expect(model.tensors.map((t) => [t.name, t.shard])).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 1],
    ]);
    expect(model.fileSize).toBe(model.shards.reduce((sum, s) => sum + s.fileSize, 0));
  });

  it.each([
    ['count', [shard(0, 3, 2, ['a']), shard(1, 3, 2, ['b'])], 'split.count is 3, the file names say 2'],
    ['number', [shard(0, 2, 2, ['a']), shard(0, 2, 2, ['b'])], "split.no is 0, expected 1 by the file's name"],
    ['total', [shard(0, 2, 9, ['a']), shard(1, 2, 9, ['b'])], 'the shards have 2 tensors, split.tensors.count says 9'],
    ['duplicate', [shard(0, 2, 2, ['a']), shard(1, 2, 2, ['a'])], 'tensor "a" is in shard 1 and in shard 2'],
  ] as const)('with a wrong %s have a finding', (_, files, message) => {
    expect(assembleModel(files).findings.map((f) => f.message)).toEqual([message]);
  });

  it('alone and misnamed are refused', () => {
    expect(() => assembleModel([shard(0, 3, 1, ['a'])])).toThrow('holds one of 3 shards');
  });
});
