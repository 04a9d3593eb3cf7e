import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGallery } from '../../../src/main/gallery/gallery';
import type { GalleryBug } from '../../../src/shared/gallery/gallery';
import { runCli } from '../../helpers/run-cli';

const ids = readGallery().map(({ id }) => id);

describe('quarrel demo', () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'demo-test-'));
  });
  afterAll(() => {
    fs.rmSync(folder, { recursive: true });
  });

  it('lists the bugs of the gallery', async () => {
    const text = await runCli(['demo', '--list']);
    expect(text.code).toBe(0);
    expect(text.stdout.split('\n').flatMap((line) => /^\w[\w-]+(?=  )/.exec(line) ?? [])).toEqual(['bug', ...ids]);
    const json = await runCli(['demo', '--list', '--json']);
    const { schema, bugs } = JSON.parse(json.stdout) as { schema: string; bugs: GalleryBug[] };
    expect([schema, bugs.map(({ id }) => id)]).toEqual(['quarrel.gallery/1', ids]);
  });

  it('names the known bugs where one is unknown', async () => {
    const { code, stdout, stderr } = await runCli(['demo', '--bug', 'no-such-bug']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(`quarrel: no bug "no-such-bug" in the gallery: it has ${ids.join(', ')}\n`);
  });

  it('writes into a new folder only', async () => {
    const held = path.join(folder, 'held.txt');
    fs.writeFileSync(held, 'mine');
    const { code, stderr } = await runCli(['demo', '--report', folder]);
    expect(code).toBe(2);
    expect(stderr).toBe(`quarrel: cannot write ${folder}: it holds held.txt; a new folder is expected\n`);
    expect(fs.readFileSync(held, 'utf8')).toBe('mine');
  });

  it('can be cancelled, and leaves no folder behind', async () => {
    const target = path.join(folder, 'cancelled');
    const { code, stdout, stderr } = await runCli(['demo', '--report', target], { interrupt: 'reference on Q4_K_M' });
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toMatch(/quarrel: cancelled\n$/);
    expect(fs.existsSync(target)).toBe(false);
  });
});
