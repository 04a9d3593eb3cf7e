import { describe, expect, it } from 'vitest';
import { CACHE_PRECISION } from '../../../../../src/shared/diagnosis/hypotheses/attention/cache-precision';
import { CACHE_WRITE } from '../../../../../src/shared/diagnosis/hypotheses/attention/cache-write';
import type { Dims } from '../../../../../src/shared/graph/graph';
import { tensorOf } from '../../../../../src/shared/graph/graph';
import type { Site } from '../../../../../src/shared/diagnosis/site';
import { GraphBuilder } from '../../../ops/graph-builder';
import { siteOf } from '../../try-hypothesis';
import { expectNamed, spread } from './planted';

const CELLS = 12;
const WIDTH = 32;
const AT = [4, 5, 6, 7];
const rows = spread(AT.length * WIDTH, 40).map((x) => Math.round(x * 1024) / 1024);
const before = spread(CELLS * WIDTH, 41).map((x) => Math.round(x * 512) / 512);

/** Row r of the new rows, or of the cache before. */
const row = (r: number): Float32Array => rows.subarray(r * WIDTH, (r + 1) * WIDTH);

function site(ne: Dims, values: Float32Array, at: readonly number[], was: Float32Array): Site {
  const g = new GraphBuilder();
  const width = ne[0];
  const x = g.node('k', 'ADD', [width, at.length, 1, 1], []);
  const cells = g.leaf('input', 'cells', [at.length, 1, 1, 1], 'I64');
  const cache = g.leaf('state', 'cache_k_l0', ne, 'F16');
  const id = g.node('write', 'SET_ROWS', ne, [x, cells, cache], { type: 'F16', viewOf: cache });
  const graph = g.build();
  const right = was.slice();
  at.forEach((cell, i) => right.set(values.subarray(i * width, (i + 1) * width), cell * width));
  const sources = [values, Float32Array.from(at), was];
  return { ...siteOf({ graph, node: tensorOf(graph, id), sources, before: was }), right };
}

const PLAIN = site([WIDTH, CELLS, 1, 1], rows, AT, before);

/** The cache with these rows in these cells. */
function cacheWith(...cells: readonly (readonly [cell: number, row: number])[]): Float32Array {
  const out = before.slice();
  for (const [cell, r] of cells) out.set(row(r), cell * WIDTH);
  return out;
}

describe('cache writes', () => {
  it.each([
    ['not written', cacheWith()],
    ['one cell too far', cacheWith([5, 0], [6, 1], [7, 2], [8, 3])],
    ['one cell too near', cacheWith([3, 0], [4, 1], [5, 2], [6, 3])],
    ['from cell 0 on', cacheWith([0, 0], [1, 1], [2, 2], [3, 3])],
    ['only the last token', cacheWith([7, 3])],
    ['only the first token', cacheWith([4, 0])],
    ['all but the last token', cacheWith([4, 0], [5, 1], [6, 2])],
    ['all but the first token', cacheWith([5, 1], [6, 2], [7, 3])],
    ['all but token 1', cacheWith([4, 0], [6, 2], [7, 3])],
    ['all but token 2', cacheWith([4, 0], [5, 1], [7, 3])],
    ['all into the first cell', cacheWith([4, 3])],
    ['in reverse order', cacheWith([4, 3], [5, 2], [6, 1], [7, 0])],
    ['the last token in every cell', cacheWith([4, 3], [5, 3], [6, 3], [7, 3])],
  ])('%s', async (label, wrong) => {
    await expectNamed(CACHE_WRITE, { site: PLAIN, wrong, label });
  });

  it('of a transposed cache: one token fewer', async () => {
    // 3 channels of 2 tokens, each channel a row of 12 cells
    const values = spread(6, 43).map((x) => Math.round(x * 1024) / 1024);
    const at = [4, 16, 28, 5, 17, 29];
    const was = spread(36, 44).map((x) => Math.round(x * 512) / 512);
    const own = site([1, 36, 1, 1], values, at, was);
    const wrong = was.slice();
    [4, 16, 28].forEach((cell, i) => (wrong[cell] = values[i]!));
    await expectNamed(CACHE_WRITE, { site: own, wrong, label: 'only the first token', parameters: {} });
  });

  it('a token lost of a transposed cache', async () => {
    const values = spread(9, 45).map((x) => Math.round(x * 1024) / 1024);
    const at = [4, 16, 28, 5, 17, 29, 6, 18, 30];
    const was = spread(36, 46).map((x) => Math.round(x * 512) / 512);
    const own = site([1, 36, 1, 1], values, at, was);
    const wrong = was.slice();
    at.forEach((cell, i) => {
      if (cell % 12 !== 5) wrong[cell] = values[i]!;
    });
    await expectNamed(CACHE_WRITE, { site: own, wrong, label: 'all but token 1' });
  });

  it('of two tokens none lies in between', () => {
    const own = site([WIDTH, CELLS, 1, 1], rows.subarray(0, 2 * WIDTH), [4, 5], before);
    expect([...CACHE_WRITE.variants(own)].map((v) => v.label).filter((l) => /all but token/.test(l))).toEqual([]);
  });

  it('does not apply where no cache is written', () => {
    const { node, graph } = PLAIN;
    const noState = {
      ...graph,
      tensors: graph.tensors.map((t) => (t.role === 'state' ? { ...t, role: 'node' as const } : t)),
    };
    expect([...CACHE_WRITE.variants({ ...PLAIN, node, graph: noState })]).toEqual([]);
  });

  it('in Q8_0', async () => {
    const wrong = before.slice();
    AT.forEach((cell, i) => {
      const largest = Math.max(...row(i).map(Math.abs));
      row(i).forEach((x, c) => (wrong[cell * WIDTH + c] = Math.round((x / largest) * 127) * (largest / 127)));
    });
    await expectNamed(CACHE_PRECISION, { site: PLAIN, wrong, label: 'Q8_0' });
  });
});
