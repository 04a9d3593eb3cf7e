import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { isRepro } from '../../../src/main/repro/is-repro';
import { writeFolder } from '../../../src/main/repro/repro-folder';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'is-repro-'));
afterAll(() => fs.rmSync(root, { recursive: true }));

let folders = 0;

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = path.join(root, String(folders++));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

const REPRO = { 'repro.json': '{"schema":"quarrel.repro/1"}', 'tensors.safetensors': '', 'shaders/ops/x.wgsl': '' };

it('a repro is replaced, once there is something in its place', () => {
  const folder = folderWith(REPRO);
  const fails = (): void => {
    throw new Error('disk full');
  };
  expect(() => writeFolder(folder, fails, isRepro)).toThrow('disk full');
  expect(fs.readFileSync(path.join(folder, 'repro.json'), 'utf8')).toBe(REPRO['repro.json']);
  writeFolder(folder, (part) => fs.writeFileSync(path.join(part, 'new'), ''), isRepro);
  expect(fs.readdirSync(folder)).toEqual(['new']);
});

it.each<[string, Readonly<Record<string, string>>]>([
  ['holds something else', { ...REPRO, 'thesis.txt': '' }],
  ['holds something else among its shaders', { ...REPRO, 'shaders/ops/thesis.txt': '' }],
  ['has a document of something else', { ...REPRO, 'repro.json': '{"schema":"other"}' }],
  ['has a damaged document', { ...REPRO, 'repro.json': '{' }],
  ['has no document', { 'README.md': '' }],
])('no repro: a folder that %s', (_how, files) => {
  const folder = folderWith(files);
  expect(isRepro(folder)).toBe(false);
  expect(() => writeFolder(folder, () => undefined, isRepro)).toThrow('a new folder is expected');
  expect(Object.keys(files).every((name) => fs.existsSync(path.join(folder, name)))).toBe(true);
});

it('no repro: what a link leads to', () => {
  const folder = folderWith(REPRO);
  const link = path.join(root, 'link');
  fs.symlinkSync(folder, link);
  expect(isRepro(link)).toBe(false);
});
