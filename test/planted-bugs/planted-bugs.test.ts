import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { shadersDir } from '../../src/main/entry-path';
import { overlayFiles, PLANTED_BUGS } from './planted-bugs';

/** Lines of `text` that are not in a longest common subsequence with `other`. */
function changedLines(text: readonly string[], other: readonly string[]): number {
  let above = new Uint32Array(other.length + 1);
  for (const line of text) {
    const row = new Uint32Array(other.length + 1);
    other.forEach((candidate, j) => {
      row[j + 1] = line === candidate ? above[j]! + 1 : Math.max(row[j]!, above[j + 1]!);
    });
    above = row;
  }
  return text.length - above[other.length]!;
}

const linesOf = (file: string): string[] => fs.readFileSync(file, 'utf8').split('\n');

describe('a planted bug', () => {
  it.each(PLANTED_BUGS.map((bug) => [bug.name, bug] as const))('%s is its shader but for a few lines', (_name, bug) => {
    const files = overlayFiles(bug);
    expect(files.length).toBeGreaterThan(0);
    expect(Object.keys(bug.first)).toEqual(
      expect.arrayContaining(['quarrel-specimen.Q4_K_M.gguf', 'quarrel-tiny.gguf']),
    );
    for (const file of files) {
      const changed = changedLines(linesOf(path.join(bug.folder, file)), linesOf(path.join(shadersDir(), file)));
      expect(changed, file).toBeGreaterThan(0);
      expect(changed, file).toBeLessThanOrEqual(4);
    }
  });
});
