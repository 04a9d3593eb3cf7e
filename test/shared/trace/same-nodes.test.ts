import { describe, expect, it } from 'vitest';

import type { Dims, Graph } from '../../../src/shared/graph/graph';
import { sameNodes } from '../../../src/shared/trace/same-nodes';
import { GraphBuilder } from '../ops/graph-builder';

const ROWS: Dims = [4, 3, 1, 1];
const HEADS: Dims = [2, 2, 3, 1];
const SQUARE: Dims = [4, 4, 1, 1];

type Style = 'plain' | 'fused' | 'rotated';

/** Attention step by step, in one op, or in one op on a rotated V cache; as llama.cpp names it. */
function attention(style: Style): Graph {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', ROWS);
  const weight = (name: string): ReturnType<typeof g.leaf> => g.leaf('weight', name, SQUARE);
  const q = g.node('Qcur', 'MUL_MAT', ROWS, [weight('wq'), x]);
  let out: ReturnType<typeof g.leaf>;
  if (style === 'plain') {
    const kq = g.node('kq', 'MUL_MAT', ROWS, [weight('k'), q]);
    const kqv = g.node('kqv', 'MUL_MAT', HEADS, [weight('v'), kq]);
    const permuted = g.node('kqv (permuted)', 'PERMUTE', HEADS, [kqv], { viewOf: kqv });
    out = g.node('kqv_out', 'CONT', ROWS, [permuted]);
  } else {
    const fused = g.node('node_2', 'FLASH_ATTN_EXT', HEADS, [q, weight('k'), weight('v')]);
    out = g.node('kqv_out', 'RESHAPE', ROWS, [fused], { viewOf: fused });
    if (style === 'rotated') {
      const turned = g.node('node_4', 'MUL_MAT', ROWS, [g.leaf('input', 'rot', SQUARE), out]);
      out = g.node(' (reshaped)', 'RESHAPE', ROWS, [turned], { viewOf: turned });
    }
  }
  const projected = g.node(style === 'plain' ? 'node_9' : 'node_5', 'MUL_MAT', ROWS, [weight('wo'), out]);
  g.node('attn_out', 'ADD', ROWS, [projected, g.leaf('weight', 'bias', [4, 1, 1, 1])]);
  return g.build();
}

/** Two products of one name, in either order, and rows taken by an input that is numbered. */
function named(order: readonly ('wa' | 'wb')[], leaf: string): Graph {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', ROWS);
  for (const w of order) g.node('cur', 'MUL_MAT', ROWS, [g.leaf('weight', w, SQUARE), x]);
  g.node(`node_${leaf.length}`, 'GET_ROWS', ROWS, [x, g.leaf('input', leaf, [3, 1, 1, 1], 'I32')]);
  const { tensors, order: ids } = g.build();
  let count = 0;
  const key = (own: string): string => (own === 'cur' && order.length > 1 ? `cur#${count++}` : own);
  return { order: ids, tensors: tensors.map((t) => ({ ...t, key: key(t.key) })) };
}

const pairs = (dumped: Graph, graph: Graph): Record<string, string> => Object.fromEntries(sameNodes(dumped, graph));

describe('sameNodes', () => {
  it('lays the result of fused attention over kqv_out', () => {
    expect(pairs(attention('fused'), attention('plain'))).toEqual({
      Qcur: 'Qcur',
      node_2: 'kqv_out',
      node_5: 'node_9',
      attn_out: 'attn_out',
    });
  });

  it('lays over kqv_out what was rotated back, not what bears its name', () => {
    expect(pairs(attention('rotated'), attention('plain'))).toEqual({
      Qcur: 'Qcur',
      node_4: 'kqv_out',
      node_5: 'node_9',
      attn_out: 'attn_out',
    });
    expect(pairs(attention('plain'), attention('rotated'))).toMatchObject({ kqv_out: 'node_4', node_9: 'node_5' });
  });

  it('tells nodes of one name apart by what they read, in whatever order', () => {
    expect(pairs(named(['wa', 'wb'], 'leaf_7'), named(['wb', 'wa'], 'leaf_12'))).toEqual({
      'cur#0': 'cur#1',
      'cur#1': 'cur#0',
      node_6: 'node_7',
    });
  });

  it('leaves out nodes of one name of which one graph has more', () => {
    expect(pairs(named(['wa', 'wb'], 'leaf_7'), named(['wb'], 'leaf_7'))).toEqual({ 'cur#1': 'cur', node_6: 'node_6' });
  });
});
