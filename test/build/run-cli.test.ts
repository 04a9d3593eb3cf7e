import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..', '..');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarrel-cwd-'));
  writeFileSync(join(folder, 'broken.gguf'), 'no model');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The launcher as `npm run -s quarrel -- …` starts it from `folder`: npm itself changes to the project. */
function quarrel(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, npm_lifecycle_event: 'quarrel', INIT_CWD: folder };
  return spawnSync(process.execPath, [join(root, 'build', 'run-cli.mjs'), ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
}

it("takes paths from the caller's folder, passes the exit code on and keeps stdout clean", () => {
  const { status, stdout, stderr } = quarrel('inspect', 'broken.gguf', '--json');
  expect(stderr).toContain('broken.gguf: magic at byte 0');
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stdout).toBe('');
  expect(status).toBe(2);
});

it('hands every argument to the command line', () => {
  const { status, stdout } = quarrel('inspect', '--help');
  expect(stdout).toContain('Usage: quarrel inspect');
  expect(status).toBe(0);
});
