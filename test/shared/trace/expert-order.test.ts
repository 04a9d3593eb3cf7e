import { describe, expect, it } from 'vitest';

import { unorderedIndices, routingsOf } from '../../../src/shared/graph/expert-slots';
import type { Graph } from '../../../src/shared/graph/graph';
import { expertOrders } from '../../../src/shared/trace/expert-order';
import { AlignedTrace } from '../../../src/shared/trace/alignment';
import { foreignEntries } from '../../../src/shared/trace/name-map';
import { GraphBuilder } from '../ops/graph-builder';
import { MemoryTrace } from './memory-trace';

const TOKENS = 2;
const EXPERTS = 4;
const USED = 2;
const WIDTH = 3;

/** Scores, the two best experts of each token, what they make of the input, and the sum of both. */
function routed(): Graph {
  const b = new GraphBuilder();
  const x = b.leaf('input', 'x', [WIDTH, 1, TOKENS, 1]);
  const scores = b.node('probs', 'SOFT_MAX', [EXPERTS, TOKENS, 1, 1], [x]);
  const sorted = b.node('ffn_moe_argsort-0', 'ARGSORT', [EXPERTS, TOKENS, 1, 1], [scores], {
    type: 'I32',
    params: [1],
  });
  const view = { viewOf: sorted, nb: [4, 4 * EXPERTS, 32, 32] as const, type: 'I32' as const };
  const ids = b.node('view:ffn_moe_topk-0', 'VIEW', [USED, TOKENS, 1, 1], [sorted], view);
  const experts = b.leaf('weight', 'up', [WIDTH, WIDTH, EXPERTS, 1]);
  const up = b.node('ffn_moe_up-0', 'MUL_MAT_ID', [WIDTH, USED, TOKENS, 1], [experts, x, ids]);
  const act = b.node('act', 'UNARY', [WIDTH, USED, TOKENS, 1], [up]);
  const slot = (n: number) =>
    b.node(`view:slot${n}`, 'VIEW', [WIDTH, TOKENS, 1, 1], [act], {
      viewOf: act,
      viewOffs: 4 * WIDTH * n,
      nb: [4, 4 * WIDTH * USED, 48, 48],
    });
  b.node('out', 'ADD', [WIDTH, TOKENS, 1, 1], [slot(0), slot(1)]);
  return b.build();
}

const graph = routed();

/** Each expert's row is ten times its number. */
function traceOf(
  label: string,
  choice: readonly number[],
  more: Readonly<Record<string, Float32Array>> = {},
): MemoryTrace {
  const trace = new MemoryTrace(label, undefined, [1, 2]);
  const rows = [0, 1].flatMap((t) => choice.slice(t * EXPERTS, t * EXPERTS + USED));
  const values = Float32Array.from(rows.flatMap((e) => [10 * e + 1, 10 * e + 2, 10 * e + 3]));
  trace.write('ffn_moe_argsort-0', 'I32', [EXPERTS, TOKENS, 1, 1], Int32Array.from(choice) as never);
  for (const [key, v] of Object.entries({ 'ffn_moe_up-0': values, act: values, ...more })) {
    trace.write(key, 'F32', [WIDTH, USED, TOKENS, 1], v);
  }
  return trace;
}

const golden = traceOf('golden', [3, 0, 1, 2, 1, 2, 0, 3]);

function aligned(dump: MemoryTrace): AlignedTrace {
  return new AlignedTrace(dump, golden, graph, foreignEntries(dump, graph));
}

function without(trace: MemoryTrace, key: string): MemoryTrace {
  trace.entries.delete(key);
  return trace;
}

describe('routingsOf', () => {
  it('finds the choice, how many are read of it, and every node with a slot per expert', () => {
    const [routing, ...others] = routingsOf(graph);
    expect(others).toEqual([]);
    expect(routing?.choice.key).toBe('ffn_moe_argsort-0');
    expect(unorderedIndices(graph, routing!.choice)).toBe(USED);
    expect(routing?.slots.map(({ node }) => node.key)).toEqual(['ffn_moe_up-0', 'act']);
  });
});

describe('expertOrders', () => {
  it('says nothing of a dump in the reference’s order', () => {
    const orders = expertOrders(aligned(traceOf('same', [3, 0, 1, 2, 1, 2, 0, 3])), graph, golden);
    expect(orders.notes).toEqual([]);
    expect(orders.seeds.size).toBe(0);
  });

  it('brings slots into the reference’s order by the dump’s own choice', () => {
    const dump = traceOf('sorted', [0, 3, 1, 2, 1, 2, 0, 3]);
    const orders = expertOrders(aligned(dump), graph, golden);
    expect(orders.seeds.size).toBe(0);
    expect([...orders.inReferenceOrder.readF32('act')]).toEqual([...golden.readF32('act')]);
    expect(orders.notes[0]).toMatch(/own ffn_moe_argsort-0/);
  });

  it('tells the order by the values where there is no choice, and runs every node on it', () => {
    const dump = without(traceOf('values', [0, 3, 1, 2, 2, 1, 0, 3]), 'ffn_moe_argsort-0');
    const { seeds, notes } = expertOrders(aligned(dump), graph, golden);
    expect([...(seeds.get('ffn_moe_argsort-0')?.read() ?? [])]).toEqual([0, 3, 1, 2, 2, 1, 0, 3]);
    expect(notes[0]).toMatch(/their values/);
  });

  it('does not guess where values fit no expert', () => {
    const noise = Float32Array.from({ length: WIDTH * USED * TOKENS }, () => 1000);
    const dump = without(
      traceOf('noise', [0, 3, 1, 2, 2, 1, 0, 3], { 'ffn_moe_up-0': noise, act: noise }),
      'ffn_moe_argsort-0',
    );
    expect(expertOrders(aligned(dump), graph, golden)).toMatchObject({ seeds: new Map(), notes: [] });
  });

  it('reads what is dumped of the view as the choice', () => {
    const dump = without(traceOf('view', [0, 3, 1, 2, 1, 2, 0, 3]), 'ffn_moe_argsort-0');
    dump.write('ffn_moe_topk-0', 'I32', [USED, TOKENS, 1, 1], Int32Array.of(0, 3, 1, 2) as never);
    const trace = aligned(dump);
    expect([...trace.readF32('ffn_moe_argsort-0')]).toEqual([0, 3, 1, 2, 1, 2, 0, 3]);
    expect(trace.mask('ffn_moe_argsort-0')).toBeUndefined();
  });

  it('knows the last tokens only where the view has only those', () => {
    const dump = without(traceOf('last', [0, 3, 1, 2, 1, 2, 0, 3]), 'ffn_moe_argsort-0');
    dump.write('ffn_moe_topk-0', 'I32', [USED, 1, 1, 1], Int32Array.of(2, 1) as never);
    const trace = aligned(dump);
    expect([...trace.readF32('ffn_moe_argsort-0')]).toEqual([3, 0, 1, 2, 2, 1, 0, 3]);
    expect([...(trace.mask('ffn_moe_argsort-0') ?? [])]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });
});
