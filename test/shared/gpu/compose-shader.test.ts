import { describe, expect, it } from 'vitest';
import { openShaders } from '../../../src/main/lanes/shader-files';
import { composeShader } from '../../../src/shared/gpu/compose-shader';
import { codebookOf } from '../../../src/shared/gpu/codebooks';
import { PROBE_FIELDS } from '../../../src/shared/gpu/element-fields';
import type { OpShader, ShaderVariant } from '../../../src/shared/gpu/shader-variant';
import { quantFile, variantKey } from '../../../src/shared/gpu/shader-variant';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { GgmlType } from '../../../src/shared/quant/ggml-type';
import { QUANT_FORMATS } from '../../../src/shared/quant/registry';

const FILES: Readonly<Record<string, string>> = {
  'ops/scale.wgsl':
    '//! require lib/a.wgsl\n//! require dst\nstruct Params { n: u32, }\n@group(0) @binding(0) var<uniform> params: Params;',
  'lib/a.wgsl': '//! require lib/b.wgsl\nfn a() {}\n// @group(0) @binding(9) var<storage, read> src1: array<u32>;',
  'lib/b.wgsl': 'fn b() {}',
  'lib/dst-f32.wgsl': '//! require lib/b.wgsl\n@group(0) @binding(1) var<storage, read_write> dst: array<u32>;',
};
const source = { read: (path: string) => FILES[path] ?? expect.fail(`no ${path}`) };
const variant: ShaderVariant = { op: 'scale', dst: 'F32', constants: { N: 3, FLAG: true } };

describe('composeShader', () => {
  const shader = composeShader(variant, source);

  it('puts constants first, then each required file once, before what requires it', () => {
    const functions = shader.code.split('\n').filter((line) => /^(const|fn|struct)/.test(line));
    expect(functions).toEqual([
      'const N = 3u;',
      'const FLAG = true;',
      'fn b() {}',
      'fn a() {}',
      'struct Params { n: u32, }',
    ]);
  });

  it('reads bindings and Params off the text, not off comments', () => {
    expect(shader.bindings).toEqual([
      { name: 'dst', binding: 1, type: 'storage' },
      { name: 'params', binding: 0, type: 'uniform' },
    ]);
    expect(shader.params.size).toBe(16);
  });

  it('knows where each line comes from', () => {
    const lines = shader.code.split('\n');
    expect(shader.origin(1)).toBeUndefined();
    expect(shader.origin(lines.indexOf('fn a() {}') + 1)).toEqual({ path: 'lib/a.wgsl', line: 2 });
    expect(shader.origin(lines.findIndex((l) => l.startsWith('struct')) + 1)).toEqual({
      path: 'ops/scale.wgsl',
      line: 3,
    });
  });

  it('refuses bindings of other names', () => {
    const strange = { read: (path: string) => (FILES[path] ?? '').replace('dst:', 'output:') };
    expect(() => composeShader(variant, strange)).toThrow(/shader variable output: bindings are named params, dst/);
  });
});

describe('variantKey', () => {
  it('is the same whatever the order of constants, and another for other sources', () => {
    expect(variantKey({ op: 'scale', dst: 'F32', constants: { FLAG: true, N: 3 } })).toBe(variantKey(variant));
    const others: ShaderVariant[] = [
      { op: 'rope', dst: 'F32', constants: { N: 3, FLAG: true } },
      { op: 'scale', dst: 'F16', constants: { N: 3, FLAG: true } },
      { op: 'scale', dst: 'F32', constants: { N: 4, FLAG: true } },
      { op: 'scale', dst: 'F32', quant: 'Q4_K', constants: { N: 3, FLAG: true } },
    ];
    expect(new Set([variant, ...others].map(variantKey)).size).toBe(5);
  });

  it('is one for destinations that share a file', () => {
    expect(variantKey({ op: 'copy', dst: 'I32' })).toBe(variantKey({ op: 'copy', dst: 'F32' }));
  });
});

describe('blocks of other sources', () => {
  const shaders = openShaders();
  const compose = (k: GgmlTypeName, v: GgmlTypeName): ReturnType<typeof composeShader> =>
    composeShader({ op: 'flash_attn', quantOf: { 1: k, 2: v } }, shaders);

  it('are read by copies of the decoder with names of their own', () => {
    const { code, bindings } = compose('Q4_0', 'Q8_0');
    expect(bindings.filter(({ name }) => /src[12]/.test(name))).toEqual([
      { name: 'src1', binding: 3, type: 'read-only-storage' },
      { name: 'src2', binding: 6, type: 'read-only-storage' },
    ]);
    for (const name of ['decode4', 'load_scale', 'weight_u32']) {
      expect(code.split(`fn ${name}_src1(`)).toHaveLength(2);
      expect(code.split(`fn ${name}_src2(`)).toHaveLength(2);
      expect(code).not.toContain(`fn ${name}(`);
    }
    expect(code).toContain('const BLOCK_BYTES_src1 = 18u;');
    expect(code).toContain('const BLOCK_BYTES_src2 = 34u;');
    expect(code.split('fn f16_to_f32(')).toHaveLength(2);
  });

  it('share one codebook', () => {
    const { code, bindings } = compose('IQ4_NL', 'IQ4_NL');
    expect(bindings.filter(({ name }) => name === 'codebook')).toHaveLength(1);
    expect(code).toContain('codebook_values_src2(');
  });

  it('are told apart by the key, and their lines are where the file has them', () => {
    const shader = compose('Q4_0', 'Q8_0');
    expect(shader.key).not.toBe(compose('Q8_0', 'Q4_0').key);
    const at = shader.code.split('\n').findIndex((line) => line.startsWith('fn decode4_src2('));
    const origin = shader.origin(at + 1)!;
    expect(origin.path).toBe('quant/legacy/q8_0.wgsl');
    expect(shaders.read(origin.path).split('\n')[origin.line - 1]).toMatch(/^fn decode4\(/);
  });
});

describe('notes of the decoders', () => {
  const shaders = openShaders();

  it('are kept by the probe alone', () => {
    const files = (op: OpShader): string => {
      const { code, origin } = composeShader({ op, quant: 'Q4_K' }, shaders);
      return [...new Set(code.split('\n').map((_, i) => origin(i + 1)?.path))].join(' ');
    };
    expect(files('probe')).toContain('lib/notes-kept.wgsl');
    for (const op of ['decode', 'get_rows', 'mul_mat'] as const) {
      expect(files(op)).toContain('lib/notes-dropped.wgsl');
      expect(files(op)).not.toContain('lib/notes-kept.wgsl');
    }
  });

  it('have the fields that TypeScript knows, in its order', () => {
    const text = shaders.read('lib/note-fields.wgsl');
    const fields = [...text.matchAll(/^const NOTE_(\w+) = (\d+)u;/gm)].map(([, name, at]) => [name, Number(at)]);
    const names = [...PROBE_FIELDS.map((name) => name.toUpperCase()), 'FIELDS'];
    expect(fields).toEqual(names.map((name, at) => [name, at]));
  });
});

describe('codebooks', () => {
  const shaders = openShaders();
  const types = Object.keys(GgmlType) as GgmlTypeName[];

  it.each(types)('%s: the shader binds one exactly where there is one, in whole words', (type) => {
    const binds = composeShader({ op: 'decode', quant: type }, shaders).bindings.some((b) => b.name === 'codebook');
    const values = codebookOf(type);
    expect(binds).toBe(values !== undefined);
    if (values) expect(values.length % 4).toBe(0);
  });
});

describe('the shaders', () => {
  const shaders = openShaders();
  const blockTypes = Object.keys(GgmlType) as GgmlTypeName[];

  it.each(blockTypes)('%s: block size and bytes are those of the reference', (type) => {
    const text = shaders.read(quantFile(type));
    const constant = (name: string): number => Number(new RegExp(`^const ${name} = (\\d+)u;$`, 'm').exec(text)?.[1]);
    const { blockElements, blockBytes } = QUANT_FORMATS[type];
    expect([constant('BLOCK_ELEMENTS'), constant('BLOCK_BYTES')]).toEqual([blockElements, blockBytes]);
    expect(constant('GROUP')).toBeGreaterThanOrEqual(16);
    if (blockElements > 1) expect(blockElements % constant('GROUP')).toBe(0);
  });

  const ops: OpShader[] = [
    'binary',
    'copy',
    'dsv4_hc_comb',
    'dsv4_hc_post',
    'dsv4_hc_pre',
    'flash_attn',
    'get_rows',
    'glu',
    'lightning_indexer',
    'mul_mat',
    'rms_norm',
    'rope',
    'scale',
    'set_rows',
    'soft_max',
    'unary',
  ];
  it.each(ops)('%s: Params tell the node, and bindings keep the convention', (op) => {
    const { params, bindings } = composeShader(
      { op, quant: 'IQ4_XS', quantOf: { 1: 'IQ4_NL', 2: 'Q4_K' }, dst: 'F16' },
      shaders,
    );
    expect(params.fields.map((f) => f.name)).toEqual(expect.arrayContaining(['dst', 'src0', 'node']));
    const others = { aux: 4, codebook: 5, src2: 6, src3: 7, src4: 8, src5: 9, src6: 10 };
    const numbers = { params: 0, dst: 1, src0: 2, src1: 3, ...others };
    for (const { name, binding } of bindings) expect(binding, name).toBe(numbers[name]);
  });
});
