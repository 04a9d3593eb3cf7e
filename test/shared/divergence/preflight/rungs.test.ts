import { describe, expect, it } from 'vitest';

import { checkEmbedding } from '../../../../src/shared/divergence/preflight/embedding';
import type { ModelFacts } from '../../../../src/shared/divergence/preflight/types';
import { checkTypes, declaredModel, requireKnownTensors } from '../../../../src/shared/divergence/preflight/types';
import type { ScaleScan } from '../../../../src/shared/divergence/preflight/weights';
import { checkWeights } from '../../../../src/shared/divergence/preflight/weights';
import { tensorOf } from '../../../../src/shared/graph/graph';
import { GraphBuilder } from '../../ops/graph-builder';

const TYPES = new Map([
  ['token_embd.weight', 'Q8_0'],
  ['blk.0.attn_q.weight', 'Q4_K'],
]);
const VALUES = new Map<string, unknown>([
  ['llama.rope.freq_base', 10000],
  ['llama.attention.layer_norm_rms_epsilon', Math.fround(1e-5)],
  ['llama.sections', [1, 2, 3]],
]);
const model: ModelFacts = {
  architecture: 'llama',
  typeOf: (name) => TYPES.get(name),
  valueOf: (key) => VALUES.get(key),
  fallbacks: ['blk.0.ffn_down.weight is Q5_0 in the file, a stand-in for Q4_K'],
};

describe('the rung of types and metadata', () => {
  it('is equal for lanes that read the file; stand-in types are told in any case', () => {
    expect(checkTypes(undefined, model)).toMatchObject({ state: 'equal', details: model.fallbacks });
    expect(checkTypes({}, model)).toMatchObject({ state: 'not-measured', details: model.fallbacks });
  });

  it('compares floats as f32, keys with and without the architecture, and lists', () => {
    const hparams = {
      'rope.freq_base': 10000,
      'attention.layer_norm_rms_epsilon': 1e-5,
      'llama.sections': [1, 2, 3],
    };
    const rung = checkTypes({ types: { 'token_embd.weight': 'q8_0' }, hparams }, model);
    expect(rung).toMatchObject({ state: 'equal', text: '1 types and 3 values as in the model' });
  });

  it('names what differs, and what the model does not have apart from that', () => {
    const rung = checkTypes(
      {
        types: { 'blk.0.attn_q.weight': 'Q5_K', 'blk.9.x': 'F32' },
        hparams: { 'rope.freq_base': 500000, 'llama.sections': [1, 2] },
      },
      model,
    );
    expect(rung.state).toBe('different');
    expect(rung.text).toBe('blk.0.attn_q.weight is Q4_K, the engine read Q5_K and 2 more');
    expect(rung.details).toEqual([
      'blk.0.attn_q.weight is Q4_K, the engine read Q5_K',
      'rope.freq_base is 10000, the engine has 500000',
      'llama.sections is [1,2,3], the engine has [1,2]',
      'the model has no blk.9.x',
      ...model.fallbacks,
    ]);
    expect(checkTypes({ types: { nothing: 'F32' } }, model).state).toBe('not-measured');
  });

  it('refuses metadata of another form and says what is expected', () => {
    const read = (metadata: Record<string, string>) => () => declaredModel(metadata, 'a.safetensors');
    expect(read({ tensor_types: '[1]' })).toThrow('a.safetensors: __metadata__.tensor_types is [1]; a JSON object');
    expect(read({ hparams: '{' })).toThrow(/hparams is \{; a JSON object/);
    expect(read({ tensor_sha256: '{"a":1}' })).toThrow('tensor_sha256: a is 1; a string expected');
    for (const hash of ['zz', '0'.repeat(63), '0'.repeat(65), 'g'.repeat(64), '']) {
      const length = `(${hash.length} characters); the 64 hexadecimal digits of a SHA-256 are expected`;
      expect(read({ tensor_sha256: JSON.stringify({ 'blk.0.w': hash }) }), hash).toThrow(length);
    }
    expect(read({ tensor_sha256: '{"blk.0.w":"zz"}' })).toThrow(
      'a.safetensors: __metadata__.tensor_sha256: blk.0.w is',
    );
    const sound = { tensor_sha256: JSON.stringify({ 'blk.0.w': 'aB'.repeat(32) }) };
    expect(declaredModel(sound, 'a').hashes).toEqual({ 'blk.0.w': 'aB'.repeat(32) });
    const has = (name: string): boolean => name === 'blk.0.w';
    expect(() => requireKnownTensors(declaredModel(sound, 'a'), 'a', { label: 'm', has })).not.toThrow();
    expect(() => requireKnownTensors({ hashes: { x: '', y: '' } }, 'a', { label: 'm.gguf', has })).toThrow(
      'a: __metadata__.tensor_sha256: m.gguf has no tensor "x" and 1 more names; names of its tensors are expected',
    );
    expect(declaredModel({ tokens: '[1]' }, 'a')).toEqual({});
  });
});

describe('the rung of weights', () => {
  const scan: ScaleScan = { odd: [], scannedBytes: 100, totalBytes: 100 };
  const odd = { tensor: 'blk.1.w', type: 'Q4_K', field: 'd', kind: 'nan', count: 9, first: [3, 4] } as const;

  it('says what was scanned', () => {
    expect(checkWeights('same-file', scan)).toMatchObject({
      rung: {
        state: 'equal',
        text: 'both lanes read the same file; no scale or plain value is NaN or infinite in the whole model',
      },
      unusable: null,
    });
    expect(checkWeights(undefined, { ...scan, scannedBytes: 37 }).rung.text).toMatch(
      /in 37 % of the weights, small tensors first; the rest was not looked at within the budget/,
    );
  });

  it('is unusable, not equal, where scales are no numbers, and names the blocks', () => {
    for (const hashes of ['same-file', undefined] as const) {
      const { rung, unusable } = checkWeights(hashes, { ...scan, odd: [odd] });
      expect(rung.state).toBe('unusable');
      expect(rung.text).toBe('blk.1.w (Q4_K) has 9 blocks whose d is NaN: 3, 4 …');
      expect(unusable).toBe(`the model's own weights are no numbers: ${rung.text}`);
    }
  });

  it('compares hashes', () => {
    const none = { compared: 2, different: [], unknown: [], left: 0 };
    expect(checkWeights(none, scan).rung).toMatchObject({ state: 'equal' });
    expect(checkWeights({ ...none, left: 3 }, scan).rung.text).toMatch(/2 tensors have the same hash, 3 more were not/);
    expect(checkWeights({ ...none, compared: 0, unknown: ['x'] }, scan).rung).toMatchObject({ state: 'not-measured' });
    const different = [{ tensor: 'blk.0.w', declared: 'a'.repeat(64), own: 'b'.repeat(64) }];
    const { rung } = checkWeights({ ...none, different, left: 3 }, scan);
    expect(rung.state).toBe('different');
    expect(rung.details[0]).toBe('blk.0.w: aaaaaaaaaaaa… in the engine, bbbbbbbbbbbb… in the model');
    expect(rung.details[1]).toMatch(/^3 more were not hashed within the budget/);
    expect(checkWeights({ ...none, different }, { ...scan, odd: [odd] }).rung.state).toBe('different');
  });
});

describe('the rung of embedding rows', () => {
  const g = new GraphBuilder();
  const ids = g.leaf('input', 'ids', [3, 1, 1, 1], 'I32');
  const table = g.leaf('weight', 'token_embd.weight', [32, 40, 1, 1], 'Q8_0');
  const node = tensorOf(g.build(), g.node('embd', 'GET_ROWS', [32, 3, 1, 1], [table, ids]));
  const graph = g.build();
  const worst = { index: [0, 0, 0, 0] as const, reference: 1, candidate: 2 };
  const judged = (bad: boolean) => ({
    judged: [
      {
        node,
        judgement: { bad, localNmse: 0, noiseFloor: 1, worst, nonFinite: undefined, why: 'off by 3×' },
        stretch: [],
        writes: [],
      },
    ],
    notMeasured: [],
    arithmetics: [],
  });

  it('is that of the judged gather', () => {
    expect(checkEmbedding(graph, judged(false))).toMatchObject({ state: 'equal', text: 'embd: all 3 rows are right' });
    expect(checkEmbedding(graph, judged(true))).toMatchObject({ state: 'different', text: 'embd: off by 3×' });
  });

  it('is not measured where it is not dumped, with the reason', () => {
    const missing = { judged: [], notMeasured: [{ node: 'embd', op: 'GET_ROWS', reason: 'not in the trace' }] };
    expect(checkEmbedding(graph, { ...missing, arithmetics: [] })).toMatchObject({
      state: 'not-measured',
      text: 'embd: not in the trace',
    });
  });
});
