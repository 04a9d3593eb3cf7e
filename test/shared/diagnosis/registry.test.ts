import { describe, expect, it } from 'vitest';
import { HYPOTHESES } from '../../../src/shared/diagnosis/registry';

describe('the hypotheses', () => {
  it('have unique kebab-case ids', () => {
    const ids = HYPOTHESES.map((h) => h.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  });

  it.each(HYPOTHESES.map((h) => [h.id, h] as const))('%s says what it is and where to look', (_id, h) => {
    expect(h.title.length).toBeGreaterThan(8);
    expect(h.title.length).toBeLessThan(100);
    expect(h.explanation.length).toBeGreaterThan(30);
    expect(h.whereToLook.length).toBeGreaterThan(30);
    for (const c of h.citations) expect(c).toMatch(/^[\w.-]+\/[\w.-]+#\d+$/);
  });

  it('cover the rows of the catalogue that can be replayed', () => {
    // captures, tokenizers, fusion, races and compiler flags are checked beside the layers
    const beside = new Set([14, 15, 21, 40, 41, 42, 44]);
    const covered = new Set(HYPOTHESES.flatMap((h) => h.catalogue));
    const missing = Array.from({ length: 44 }, (_, i) => i + 1).filter((row) => !covered.has(row) && !beside.has(row));
    expect(missing).toEqual([]);
  });
});
