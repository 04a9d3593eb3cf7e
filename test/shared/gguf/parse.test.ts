import { describe, expect, it } from 'vitest';
import { GgufArray } from '../../../src/shared/gguf/array';
import { parseGguf } from '../../../src/shared/gguf/parse';
import { find, fixtureBytes, MemorySource, METADATA, TENSORS } from '../../helpers/gguf-fixture';

const parse = (bytes: Uint8Array): ReturnType<typeof parseGguf> => parseGguf(new MemorySource(bytes));

describe.each([
  [2, 'little'],
  [3, 'little'],
  [3, 'big'],
] as const)('GGUF version %i, %s-endian', (version, endian) => {
  const file = parse(fixtureBytes({ version, endian }));

  it('reads the header', () => {
    expect(file).toMatchObject({ version, endian, alignment: 32 });
    expect(file.findings.map((f) => f.code)).toEqual(endian === 'big' ? ['big-endian'] : []);
    expect(file.dataOffset % 32).toBe(0);
  });

  it('reads every metadata type in file order', () => {
    expect(file.metadata.entries.map((e) => e.key)).toEqual(METADATA.map((e) => e.key));
    for (const spec of METADATA) {
      const value = file.metadata.get(spec.key);
      if ('arrayOf' in spec) {
        expect(value).toBeInstanceOf(GgufArray);
        expect(file.metadata.array(spec.key)?.slice(0, Infinity)).toEqual(spec.value);
      } else expect(value).toBe(spec.value);
    }
  });

  it('reads every tensor', () => {
    expect(file.tensors.map(({ name, type, dims }) => ({ name, type, dims }))).toEqual(
      TENSORS.map(({ name, type, ne }) => ({ name, type, dims: ne.length })),
    );
    expect(file.tensors.map((t) => t.ne)).toEqual([
      [3, 5, 1, 1],
      [64, 2, 1, 1],
      [4, 2, 3, 2],
    ]);
    expect(file.tensors.map((t) => t.byteLength)).toEqual([60, 136, 96]);
    expect(file.tensors.map((t) => t.offset - file.dataOffset)).toEqual([0, 64, 224]);
  });
});

describe('metadata arrays', () => {
  const tokens = Array.from({ length: 300_000 }, (_, i) => `token ${i}`);
  const metadata = [{ key: 'tokenizer.ggml.tokens', arrayOf: 'str', value: tokens }] as const;
  const source = new MemorySource(fixtureBytes({ metadata, tensors: [] }));

  it('cost one pass over the header when opened, whatever their length', () => {
    const started = performance.now();
    const { metadata: parsed } = parseGguf(source);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(source.bytesRead).toBeLessThan(source.size + (1 << 20));
    expect(parsed.array('tokenizer.ggml.tokens')?.length).toBe(tokens.length);
  });

  it('decode only what is asked for', () => {
    const array = parseGguf(source).metadata.array('tokenizer.ggml.tokens');
    source.bytesRead = 0;
    expect([array?.get(0), array?.get(255), array?.get(256), array?.get(299_999)]).toEqual([
      'token 0',
      'token 255',
      'token 256',
      'token 299999',
    ]);
    expect(source.bytesRead).toBeLessThan(4 * 2 * (1 << 16));
    expect(array?.slice(1000, 1003)).toEqual(['token 1000', 'token 1001', 'token 1002']);
    expect(array?.slice(299_999, 400_000)).toEqual(['token 299999']);
    expect(array?.slice(400_000, 400_001)).toEqual([]);
    expect(array?.strings()).toEqual(tokens);
  });

  it('may be nested', () => {
    const bytes = fixtureBytes({
      metadata: [{ key: 'nested', arrayOf: 'u32', value: [9, 0, 0, 0, 0, 0, 0] }],
      tensors: [],
    });
    // Rewritten as an array of two arrays: u8 [1, 2, 3] and u8 []; 4 + 8 + 3 and 4 + 8 bytes, one more as surplus.
    const view = new DataView(bytes.buffer);
    const at = find(bytes, 'nested') + 'nested'.length + 4;
    view.setUint32(at, 9, true);
    view.setBigUint64(at + 4, 2n, true);
    view.setUint32(at + 12, 0, true);
    view.setBigUint64(at + 16, 3n, true);
    bytes.set([1, 2, 3], at + 24);
    view.setUint32(at + 27, 0, true);
    view.setBigUint64(at + 31, 0n, true);
    const nested = parse(bytes).metadata.array('nested');
    expect((nested?.get(0) as GgufArray).slice(0, 9)).toEqual([1, 2, 3]);
    expect((nested?.get(1) as GgufArray).length).toBe(0);
  });
});

describe('strings', () => {
  it('keep a leading byte order mark, as tokens may have one', () => {
    const metadata = [{ key: 'tokens', arrayOf: 'str', value: ['\ufeff', '\ufeffusing'] }] as const;
    expect(
      parse(fixtureBytes({ metadata, tensors: [] }))
        .metadata.array('tokens')
        ?.strings(),
    ).toEqual(['\ufeff', '\ufeffusing']);
  });
});
