import { describe, expect, it } from 'vitest';

import { OBSERVED_MAX_NMSE } from '../../../src/shared/compare/tolerance';
import type { ObservedStep } from '../../../src/shared/divergence/observe-rows';
import { compareRows } from '../../../src/shared/divergence/observe-rows';
import type { Graph } from '../../../src/shared/graph/graph';
import { checkpointsOf, GraphBuilder } from '../ops/graph-builder';

/** Heads of 2 channels for `tokens` tokens, then a row of 4 per token. */
function graphOf(tokens: number): Graph {
  const g = new GraphBuilder();
  const x = g.leaf('input', 'x', [2, 2, tokens, 1]);
  const heads = g.node('heads-0', 'SCALE', [2, tokens, 2, 1], [x]);
  g.node('end', 'SCALE', [4, tokens, 1, 1], [heads]);
  return g.build();
}

type Values = Readonly<Record<string, readonly number[]>>;

function traceOf(label: string, values: Values): ObservedStep['lane'] {
  const arrays = Object.entries(values).map(([key, v]) => [key, Float32Array.from(v)] as const);
  return checkpointsOf(label, Object.fromEntries(arrays)) as ObservedStep['lane'];
}

function step(tokens: number, lane: Values, llama: Values = lane): ObservedStep {
  return {
    graph: graphOf(tokens),
    tokens,
    lane: traceOf('lane', lane),
    llama: traceOf('llama', llama),
  };
}

// Two tokens; the second one's heads are (5, 6) and (7, 8).
const MANY: Values = { 'heads-0': [1, 2, 5, 6, 3, 4, 7, 8], end: [0, 0, 0, 0, 1, 2, 3, 4] };
const LAST: Values = { 'heads-0': [5, 6, 7, 8], end: [1, 2, 3, 4] };

describe('two ways to run the same tokens', () => {
  it("are compared at the token's own row, wherever the tokens lie", () => {
    const pair = { many: step(2, MANY), row: 1, last: step(1, LAST) };
    expect(compareRows([pair])).toEqual({ nmse: 0, limit: OBSERVED_MAX_NMSE, node: undefined });
  });

  it('differ first at the node that differs, not at the end', () => {
    const wrong = { 'heads-0': [5, 6, 7, 9], end: [1, 2, 3, 5] };
    const found = compareRows([{ many: step(2, MANY), row: 1, last: step(1, wrong, LAST) }]);
    expect(found?.nmse).toBeCloseTo(1 / 30);
    expect(found?.node).toBe('heads-0');
  });

  it("are allowed what llama.cpp's own two ways differ by", () => {
    const off = { ...LAST, end: [1, 2, 3, 4.3] };
    const pair = { many: step(2, MANY), row: 1, last: step(1, off, off) };
    const found = compareRows([pair]);
    expect(found?.limit).toBeCloseTo((5 * 0.09) / 30);
    expect(found?.node).toBeUndefined();
  });

  it('count values that are no numbers as different, and take the worst of several tokens', () => {
    const nan = { ...LAST, end: [1, NaN, 3, 4] };
    const right = { many: step(2, MANY), row: 1, last: step(1, LAST) };
    const wrong = { many: step(2, MANY), row: 1, last: step(1, nan, LAST) };
    expect(compareRows([right, wrong])?.node).toBe('end');
    expect(compareRows([wrong, right])?.node).toBe('end');
    expect(compareRows([])).toBeUndefined();
  });
});
