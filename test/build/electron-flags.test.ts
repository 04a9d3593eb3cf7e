import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hasHelper, hasProfile } from '../../build/electron-flags.mjs';
import { projectRoot } from '../../src/main/entry-path';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flags-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('finds the AppArmor profile that the package carries, for the executable that it names', () => {
  const profile = readFileSync(join(projectRoot(), 'build', 'package', 'apparmor-quarrel'), 'utf8');
  writeFileSync(join(folder, 'quarrel'), profile);
  expect(hasProfile('/opt/quarrel/quarrel', folder)).toBe(true);
  expect(hasProfile('/home/me/electron', folder)).toBe(false);
  writeFileSync(join(folder, 'quarrel'), profile.replace('userns,', ''));
  expect(hasProfile('/opt/quarrel/quarrel', folder)).toBe(false);
});

it.skipIf(process.getuid?.() !== 0)('takes the helper for one only where it is root’s and runs as root', () => {
  const helper = join(folder, 'chrome-sandbox');
  const electron = join(folder, 'electron');
  expect(hasHelper(electron)).toBe(false);
  writeFileSync(helper, '');
  chmodSync(helper, 0o755);
  expect(hasHelper(electron)).toBe(false);
  chmodSync(helper, 0o4755);
  expect(hasHelper(electron)).toBe(true);
});
