import { describe, expect, it } from 'vitest';
import { groupByLayer, tensorLayer, tensorPlace } from '../../../src/shared/gguf/tensor-names';

describe('tensor names', () => {
  it.each([
    ['blk.12.attn_q.weight', 'blk', 12, 'attn_q.weight'],
    ['blk.0.ffn_gate_exps.weight', 'blk', 0, 'ffn_gate_exps.weight'],
    ['enc.blk.3.attn_q.weight', 'enc.blk', 3, 'attn_q.weight'],
    ['v.blk.7.ln1.bias', 'v.blk', 7, 'ln1.bias'],
    ['token_embd.weight', undefined, undefined, 'token_embd.weight'],
    ['blk.x.weight', undefined, undefined, 'blk.x.weight'],
  ])('%s', (name, stack, layer, part) => {
    expect(tensorPlace(name)).toEqual({ stack, layer, part });
    expect(tensorLayer(name)).toBe(stack === 'blk' ? layer : undefined);
  });

  it('group by layer, in numeric order, those outside first', () => {
    const names = ['blk.10.a', 'token_embd.weight', 'blk.2.b', 'blk.2.a', 'output.weight', 'v.blk.0.a'];
    const groups = groupByLayer(names.map((name) => ({ name })));
    expect(groups.map((g) => [g.title, g.tensors.map((t) => t.name)])).toEqual([
      [undefined, ['token_embd.weight', 'output.weight']],
      ['blk.2', ['blk.2.b', 'blk.2.a']],
      ['blk.10', ['blk.10.a']],
      ['v.blk.0', ['v.blk.0.a']],
    ]);
  });
});
