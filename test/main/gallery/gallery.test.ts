import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { galleryDir, readGallery } from '../../../src/main/gallery/gallery';
import { QuarrelError } from '../../../src/shared/base/errors';
import { HYPOTHESES } from '../../../src/shared/diagnosis/registry';
import { parseLane } from '../../../src/shared/divergence/lane-spec';

describe('the gallery', () => {
  const bugs = readGallery();

  it('lists every folder once, the Q4_K scale first', () => {
    const folders = fs.readdirSync(galleryDir(), { withFileTypes: true }).filter((f) => f.isDirectory());
    expect(bugs.map((bug) => bug.id).sort()).toEqual(folders.map((f) => f.name).sort());
    expect(bugs[0]?.id).toBe('q4k-scale-high-bits');
    expect(bugs.length).toBeGreaterThanOrEqual(6);
  });

  it('names lanes that can be run and causes that can be proved', () => {
    const causes = new Set(HYPOTHESES.map((h) => h.id));
    for (const { lane, expected } of bugs) {
      const spec = parseLane(lane);
      expect(spec.kind === 'webgpu' && fs.existsSync(spec.overlay ?? '')).toBe(true);
      expect(causes).toContain(expected.cause);
    }
  });

  it('has bugs of every part, and one that shows only while decoding', () => {
    const parts = ['attention', 'cache', 'feed-forward', 'mat-mul', 'norm', 'weights'];
    expect([...new Set(bugs.map((bug) => bug.part))].sort()).toEqual(parts);
    expect(bugs.filter((bug) => bug.steps > 0).map((bug) => bug.id)).toEqual(['cache-row-of-one-token']);
  });
});

describe('a gallery that is wrong', () => {
  let folder: string | undefined;
  afterEach(() => {
    if (folder !== undefined) fs.rmSync(folder, { recursive: true });
    folder = undefined;
  });

  const BUG = {
    name: 'n',
    title: 't',
    story: 's',
    part: 'norm',
    catalogue: 1,
    cause: 'norm-epsilon',
    first: { 'quarrel-specimen.Q4_K_M.gguf': 'norm-0#0' },
  };

  /** What reading a gallery of one bug says. */
  function refusal(order: string, bug?: object): string {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quarrel-gallery-'));
    fs.writeFileSync(path.join(folder, 'order.json'), order);
    fs.mkdirSync(path.join(folder, 'b'));
    if (bug) fs.writeFileSync(path.join(folder, 'b', 'bug.json'), JSON.stringify(bug));
    try {
      readGallery(folder);
    } catch (error) {
      if (error instanceof QuarrelError) return error.message.replaceAll(folder, 'DIR').replaceAll('\\', '/');
      throw error;
    }
    return '';
  }

  it('is told apart from a right one', () => {
    expect(refusal('["b"]', BUG)).toBe('');
  });

  it('is refused where the list is cut off', () => {
    expect(refusal('["b"')).toMatch(/^DIR\/order\.json: no JSON: /);
  });

  it('is refused where the list is none', () => {
    expect(refusal('{}')).toMatch(/^DIR\/order\.json: the document is {}; a list expected$/);
  });

  it.each([
    ['no file', undefined, /^cannot read DIR\/b\/bug\.json: ENOENT/],
    ['an unknown part', { ...BUG, part: 'door' }, /^DIR\/b\/bug\.json: part is "door"; "weights" or /],
    ['an unknown field', { ...BUG, more: 1 }, /^DIR\/b\/bug\.json: .*"more"/],
    ['no node', { ...BUG, first: {} }, /^DIR\/b\/bug\.json: "first" has no node of quarrel-specimen\.Q4_K_M\.gguf$/],
  ])('is refused where a bug has %s', (_what, bug, message) => {
    expect(refusal('["b"]', bug)).toMatch(message);
  });
});
