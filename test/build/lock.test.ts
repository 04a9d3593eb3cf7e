import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withLock } from '../../build/lock.mjs';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quarrel-lock-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

it('runs one holder at a time and releases after a failure', async () => {
  const path = join(folder, 'lock');
  let holders = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++holders);
    await sleep(20);
    holders--;
    throw new Error('work failed');
  };
  const outcomes = await Promise.allSettled([withLock(path, work), withLock(path, work), withLock(path, work)]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(most).toBe(1);
  expect(existsSync(path)).toBe(false);
});

it('takes over the lock of a process that is gone', async () => {
  const path = join(folder, 'lock');
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  writeFileSync(path, String(gone));
  expect(await withLock(path, () => 'done')).toBe('done');
});
