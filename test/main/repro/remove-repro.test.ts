import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { removeRepro } from '../../../src/main/repro/remove-repro';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'remove-repro-'));
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

it('removes a repro', () => {
  const folder = folderWith(REPRO);
  removeRepro(folder);
  expect(fs.existsSync(folder)).toBe(false);
});

it.each<[string, Readonly<Record<string, string>>]>([
  ['holds something else', { ...REPRO, 'thesis.txt': '' }],
  ['holds something else among its shaders', { ...REPRO, 'shaders/ops/thesis.txt': '' }],
  ['has a document of something else', { ...REPRO, 'repro.json': '{"schema":"other"}' }],
  ['has a damaged document', { ...REPRO, 'repro.json': '{' }],
  ['has no document', { 'README.md': '' }],
])('leaves a folder that %s', (_how, files) => {
  const folder = folderWith(files);
  removeRepro(folder);
  expect(Object.keys(files).every((name) => fs.existsSync(path.join(folder, name)))).toBe(true);
});

it('leaves what a link leads to', () => {
  const folder = folderWith(REPRO);
  const link = path.join(root, 'link');
  fs.symlinkSync(folder, link);
  removeRepro(link);
  expect(fs.existsSync(path.join(folder, 'repro.json'))).toBe(true);
});
