import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import {
  archiveRoot,
  besideArchive,
  entryPath,
  projectRoot,
  resourcesDir,
  shadersDir,
} from '../../src/main/entry-path';
import { QuarrelError } from '../../src/shared/base/errors';

const root = resolve(import.meta.dirname, '..', '..');

it('finds the project from its sources', () => {
  expect(projectRoot()).toBe(root);
  expect(existsSync(shadersDir())).toBe(true);
  expect(existsSync(resourcesDir())).toBe(true);
});

it('takes files that must be real from beside the archive of a packaged app', () => {
  expect(besideArchive('/opt/quarrel/resources/app.asar')).toBe('/opt/quarrel/resources/app.asar.unpacked');
  expect(besideArchive(root)).toBe(root);
  expect(archiveRoot()).toBe(root);
});

it('finds the built bundles', () => {
  expect(entryPath('capture-child')).toBe(join(root, 'out', 'main', 'capture-child.cjs'));
});

it('says how to get a bundle that is missing', () => {
  const missing = 'never-built' as Parameters<typeof entryPath>[0];
  expect(() => entryPath(missing)).toThrow(QuarrelError);
  expect(() => entryPath(missing)).toThrow('bundle never-built.cjs is missing');
});
