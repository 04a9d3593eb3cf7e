import { describe, expect, it } from 'vitest';

import type { NodeId } from '../../../src/shared/base/brand';
import { nodeId } from '../../../src/shared/base/brand';
import { CancelledError } from '../../../src/shared/base/errors';
import type { Checkpoint, SearchResult } from '../../../src/shared/divergence/search';
import { searchFirstBad } from '../../../src/shared/divergence/search';

interface World {
  readonly nodes: number;
  /** Nodes that compute wrongly. */
  readonly wrong: ReadonlySet<number>;
  /** Sources of a node; the one before it when absent. */
  readonly sources?: (node: number) => readonly number[];
  /** Whether a run is off there; from the first wrong node on when absent. */
  readonly off?: (node: number) => boolean;
  /** Longest stretch over which a wrong node still stands above the noise. */
  readonly visible?: number;
  /** Nodes that the program never dumps. */
  readonly hidden?: ReadonlySet<number>;
  /** What the judge says instead. */
  readonly judged?: (node: number, run: number, checkpoint: Checkpoint) => Checkpoint;
  readonly perRun?: number;
  readonly perScanRun?: number;
}

interface Outcome extends SearchResult {
  readonly asked: readonly (readonly number[])[];
}

/** An engine that is asked for checkpoints, and the judge of what it dumped. */
async function search(world: World, throwIfCancelled: (runs: number) => void = () => undefined): Promise<Outcome> {
  const { wrong, visible = Infinity, hidden = new Set() } = world;
  const sources = world.sources ?? ((n: number) => (n > 0 ? [n - 1] : []));
  const firstWrong = Math.min(...wrong);
  const off = world.off ?? ((n: number) => n >= firstWrong);
  const dumped = new Set<number>();
  const asked: number[][] = [];
  const judge = (node: number): Checkpoint => {
    const stretch = new Set<number>();
    const visit = (n: number): void => {
      for (const s of sources(n)) {
        if (dumped.has(s) || stretch.has(s)) continue;
        stretch.add(s);
        visit(s);
      }
    };
    visit(node);
    const bad = [node, ...stretch].some((n) => wrong.has(n)) && stretch.size + 1 <= visible;
    return { bad, stretch: [...stretch].sort((a, b) => a - b).map(nodeId), off: off(node) };
  };
  const found = await searchFirstBad(
    {
      nodes: Array.from({ length: world.nodes }, (_, i) => nodeId(i)),
      sources: (n) => sources(n).map(nodeId),
      perRun: world.perRun ?? 8,
      perScanRun: world.perScanRun ?? 64,
      throwIfCancelled: () => throwIfCancelled(asked.length),
    },
    (wanted, run) => {
      expect(run).toBe(asked.length + 1);
      expect(wanted.length).toBeGreaterThan(0);
      asked.push([...wanted]);
      for (const n of wanted) if (!hidden.has(n)) dumped.add(n);
      const judged = (n: number): Checkpoint => world.judged?.(n, run, judge(n)) ?? judge(n);
      return Promise.resolve(new Map<NodeId, Checkpoint>([...dumped].map((n) => [nodeId(n), judged(n)])));
    },
  );
  expect(found.runs).toBe(asked.length);
  return { ...found, asked };
}

describe('the search for the first bad stretch', () => {
  it('verifies both ends in its first run', async () => {
    const { asked } = await search({ nodes: 100, wrong: new Set([50]) });
    expect(asked[0]).toHaveLength(8);
    expect(asked[0]?.[0]).toBe(0);
    expect(asked[0]?.at(-1)).toBe(99);
  });

  it('finds every node of a chain, with no more runs than a search of nine parts needs', async () => {
    for (let wrong = 0; wrong < 500; wrong += 7) {
      const found = await search({ nodes: 500, wrong: new Set([wrong]) });
      expect(found).toMatchObject({ found: wrong, scanned: undefined });
      // 7 intervals of up to 71 nodes, each cut in 9: 71 → 7 → 0.
      expect(found.runs).toBeLessThanOrEqual(3);
    }
  });

  it('halves where two checkpoints per run are all there is to ask for', async () => {
    const found = await search({ nodes: 81, wrong: new Set([40]), perRun: 2 });
    expect(found.found).toBe(40);
    expect(Math.max(...found.asked.map((a) => a.length))).toBe(2);
    expect(found.runs).toBeLessThanOrEqual(1 + Math.ceil(Math.log(80) / Math.log(3)));
  });

  it('is done after one run where the first node is wrong, or all are known at once', async () => {
    expect(await search({ nodes: 300, wrong: new Set([0]) })).toMatchObject({ found: 0, runs: 1 });
    expect(await search({ nodes: 6, wrong: new Set([3]) })).toMatchObject({ found: 3, runs: 1 });
    expect(await search({ nodes: 0, wrong: new Set() })).toMatchObject({ found: undefined, runs: 0 });
  });

  it('names the first of several wrong nodes, and the first where all are', async () => {
    expect(await search({ nodes: 200, wrong: new Set([170, 33, 90]) })).toMatchObject({ found: 33 });
    const all = new Set(Array.from({ length: 200 }, (_, i) => i));
    expect(await search({ nodes: 200, wrong: all })).toMatchObject({ found: 0, runs: 1 });
  });

  it('looks at every node before it calls a run right', async () => {
    const found = await search({ nodes: 200, wrong: new Set() });
    expect(found.found).toBeUndefined();
    expect(found.scanned).toMatch(/may hide in the noise/);
    expect(new Set(found.asked.flat()).size).toBe(200);
    expect(found.runs).toBe(1 + Math.ceil(192 / 64));
  });

  it('scans where a small error shows over short stretches only', async () => {
    const found = await search({ nodes: 200, wrong: new Set([77]), visible: 3 });
    expect(found.found).toBe(77);
    expect(found.scanned).toMatch(/the run ends wrong, but no stretch/);
  });

  it('scans where an inherited error vanishes again', async () => {
    const wrong = new Set([20, 150]);
    const found = await search({ nodes: 200, wrong, off: (n) => (n >= 20 && n < 60) || n >= 150 });
    expect(found.found).toBe(20);
    expect(found.scanned).toMatch(/vanishes/);
  });

  it('takes no error for vanished that a branch beside it never had', async () => {
    // Two branches from node 0: even nodes on one, odd ones on the other; they meet at the end.
    const sources = (n: number): number[] => (n === 0 ? [] : n === 99 ? [97, 98] : [Math.max(0, n - 2)]);
    const off = (n: number): boolean => n % 2 === 0 && n >= 30;
    const found = await search({ nodes: 100, wrong: new Set([30]), sources, off: (n) => off(n) || n === 99 });
    expect(found).toMatchObject({ found: 30, scanned: undefined });
  });

  it('scans where a stretch that was right turns out wrong', async () => {
    const found = await search({
      nodes: 200,
      wrong: new Set([10, 150]),
      // Seen only once its neighbours are known: run 1 takes the stretch that ends at 28 for right.
      judged: (node, run, c) => (node === 28 && run === 1 ? { ...c, bad: false } : c),
    });
    expect(found.found).toBe(10);
    expect(found.scanned).toMatch(/right turned out wrong/);
  });

  it('scans where a stretch that was wrong turns out right', async () => {
    const found = await search({
      nodes: 200,
      wrong: new Set([199]),
      judged: (node, run, c) => (node === 57 && run === 1 ? { ...c, bad: true } : c),
    });
    expect(found.found).toBe(199);
    expect(found.scanned).toMatch(/wrong turned out right/);
  });

  it('ends at the smallest stretch where the program never dumps what lies inside', async () => {
    const hidden = new Set([41, 42, 43]);
    const found = await search({ nodes: 100, wrong: new Set([42]), hidden });
    expect(found).toMatchObject({ found: 44, scanned: undefined });
  });

  it('stops between two runs when it is cancelled', async () => {
    const cancelled = search({ nodes: 500, wrong: new Set([250]) }, (runs) => {
      if (runs === 1) throw new CancelledError();
    });
    await expect(cancelled).rejects.toThrow(CancelledError);
  });
});
