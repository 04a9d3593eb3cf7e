import { describe, expect, it } from 'vitest';
import { defined } from '../../../../src/shared/base/assert';
import type { Replayed } from '../../../../src/shared/diagnosis/replay';
import { blockGrid, symmetricCodes } from '../../../../src/shared/diagnosis/rounding/grids';
import { cacheRounding } from '../../../../src/shared/diagnosis/rounding/cache-noise';
import type { Site } from '../../../../src/shared/diagnosis/site';
import { evaluateChanged } from '../../../../src/shared/diagnosis/site';
import type { Dims } from '../../../../src/shared/graph/graph';
import { tensorOf } from '../../../../src/shared/graph/graph';
import { GraphBuilder } from '../../ops/graph-builder';
import { siteOf } from '../try-hypothesis';
import { spread } from '../hypotheses/attention/planted';

const CHANNELS = 8;
const KEYS = 6;
const TOKENS = 2;

/** The keys of a head times the queries, or its values, which lie transposed, times the probabilities. */
function site(reads: 'keys' | 'values'): Site {
  const b = new GraphBuilder();
  const [inner, rows] = reads === 'keys' ? [CHANNELS, KEYS] : [KEYS, CHANNELS];
  const cache = b.leaf('state', 'cache', [inner, rows, 1, 1], 'F32');
  const by = b.node('by', reads === 'keys' ? 'ROPE' : 'SOFT_MAX', [inner, TOKENS, 1, 1], []);
  const ne: Dims = [rows, TOKENS, 1, 1];
  const id = b.node('end', 'MUL_MAT', ne, [cache, by]);
  const graph = b.build();
  return siteOf({ graph, node: tensorOf(graph, id), sources: [spread(inner * rows, 1), spread(inner * TOKENS, 2)] });
}

function run(at: Site, along: 'channels' | 'tokens'): Float32Array {
  const replay = { nodes: [at.node], site: () => at } as unknown as Replayed;
  const changes = cacheRounding(({ axis }) => blockGrid(symmetricCodes(8), { length: 32, axis }), along).changes(
    replay,
  );
  return defined(changes.get(at.node.id), 'the change at the node')(at);
}

/** The node with its cache in blocks along one axis. */
function withBlocks(at: Site, axis: 0 | 1): Float32Array {
  const values = defined(at.source(0), 'the cache');
  const ne = tensorOf(at.graph, defined(at.node.src[0], 'source 0')).ne;
  const sources = new Map([[0, blockGrid(symmetricCodes(8), { length: 32, axis }).nearest(values, ne)]]);
  return evaluateChanged(at, { sources });
}

describe('rounding of a cache', () => {
  it.each([
    ['keys', 'channels', 0],
    ['values', 'channels', 1],
    ['keys', 'tokens', 1],
    ['values', 'tokens', 0],
  ] as const)('%s in blocks along %s', (reads, along, axis) => {
    const at = site(reads);
    expect(run(at, along)).toEqual(withBlocks(at, axis));
    expect(run(at, along)).not.toEqual(withBlocks(at, axis === 0 ? 1 : 0));
  });
});
