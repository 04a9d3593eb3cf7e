import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { sweepLeftovers } from '../../../src/main/files/leftovers';
import { ownIdentity } from '../../../src/main/files/process-identity';
import { folderBeside, lastingFolder, partBeside, temporaryFolder } from '../../../src/main/files/temporary';
import { writeAtomic } from '../../../src/main/files/write-atomic';

let folder: string;
let tmp: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'temporary-'));
  tmp = path.join(folder, 'tmp');
  fs.mkdirSync(tmp);
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) vi.stubEnv(name, tmp);
});
afterEach(() => {
  vi.unstubAllEnvs();
  fs.rmSync(folder, { recursive: true });
});

/** A home as a process leaves it that was killed while it wrote `part`. */
function killedHome(owner: unknown, part?: string): string {
  const pid = (owner as { readonly pid?: number } | undefined)?.pid ?? 12345;
  const home = fs.mkdtempSync(path.join(tmp, `quarrel-${pid}-`));
  fs.mkdirSync(path.join(home, 'run-x'));
  fs.writeFileSync(path.join(home, 'run-x', 'trace'), 'gigabytes');
  if (owner !== undefined) fs.writeFileSync(path.join(home, 'owner.json'), JSON.stringify(owner));
  if (part !== undefined) fs.writeFileSync(path.join(home, 'beside-0'), part);
  return home;
}

/** The number of a process that has ended. */
function endedPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('what is not finished', () => {
  it('leaves nothing, not even its home, once it is removed or kept', () => {
    const target = path.join(folder, 'out.json');
    const run = temporaryFolder();
    fs.writeFileSync(path.join(run.path, 'trace'), 'x');
    const part = folderBeside(target);
    const kept = lastingFolder('quarrel-demo');
    expect(fs.readdirSync(tmp)).toHaveLength(2);
    expect(path.dirname(part.path)).toBe(folder);
    run.remove();
    part.remove();
    kept.keep();
    expect(fs.readdirSync(tmp)).toEqual([path.basename(kept.path)]);
    expect(fs.readdirSync(folder)).toEqual(['tmp']);
    writeAtomic(target, '{}');
    expect(fs.readdirSync(folder)).toEqual(['out.json', 'tmp']);
  });

  it('is written without a folder for temporary files, too, where it needs none', () => {
    vi.stubEnv('TMPDIR', path.join(folder, 'absent'));
    vi.stubEnv('TEMP', path.join(folder, 'absent'));
    writeAtomic(path.join(folder, 'out.json'), '{}');
    expect(fs.readFileSync(path.join(folder, 'out.json'), 'utf8')).toBe('{}');
    expect(() => temporaryFolder()).toThrow(/^cannot write temporary files in .*absent: ENOENT.*TMPDIR/);
    const file = path.join(folder, 'file');
    fs.writeFileSync(file, '');
    vi.stubEnv('TMPDIR', file);
    vi.stubEnv('TEMP', file);
    expect(() => temporaryFolder()).toThrow(/^cannot write temporary files in .*file: ENOTDIR/);
  });
});

describe('the sweep at the next start', () => {
  it('removes the home of a process that is gone, and what it noted beside', () => {
    const pid = endedPid();
    const part = path.join(folder, `out.quarrel-${pid}-0123abcd.part`);
    fs.mkdirSync(part);
    fs.writeFileSync(path.join(part, 'half'), '');
    killedHome({ ...ownIdentity(), pid }, part);
    sweepLeftovers();
    expect(fs.readdirSync(tmp)).toEqual([]);
    expect(fs.existsSync(part)).toBe(false);
  });

  it('removes nothing that a note names otherwise than unfinished files are named', () => {
    const pid = endedPid();
    const thesis = path.join(folder, 'thesis');
    fs.mkdirSync(thesis);
    killedHome({ ...ownIdentity(), pid }, thesis);
    const other = path.join(folder, `out.quarrel-${pid + 1}-0123abcd.part`);
    fs.mkdirSync(other);
    killedHome({ ...ownIdentity(), pid }, other);
    sweepLeftovers();
    expect(fs.readdirSync(tmp)).toEqual([]);
    expect([thesis, other].every((f) => fs.existsSync(f))).toBe(true);
  });

  it('knows a number that another process has got, and an earlier boot', () => {
    const mine = ownIdentity();
    killedHome({ ...mine, boot: 'another' });
    // Without /proc a process that lives under the number is taken for the one that made it.
    if (mine.start !== null) killedHome({ ...mine, start: '1' });
    sweepLeftovers();
    expect(mine.boot === null ? [] : fs.readdirSync(tmp)).toEqual([]);
  });

  it('leaves what may be in use, and what it did not make', () => {
    const pid = endedPid();
    const mine = ownIdentity();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    try {
      killedHome(mine);
      killedHome({ ...mine, pid: child.pid, start: null });
      killedHome({ ...mine, pid, host: `${mine.host}-other` });
      killedHome({ ...mine, pid, pidNamespace: 'pid:[1]' });
      killedHome(undefined); // younger than a day
      killedHome('no owner');
      const renamed = killedHome({ ...mine, pid });
      fs.renameSync(renamed, path.join(tmp, `quarrel-${pid}-results`));
      fs.mkdirSync(path.join(tmp, 'quarrel-demo-abc'));
      fs.mkdirSync(path.join(folder, 'elsewhere'));
      fs.writeFileSync(path.join(folder, 'elsewhere', 'owner.json'), JSON.stringify({ ...mine, pid }));
      fs.symlinkSync(path.join(folder, 'elsewhere'), path.join(tmp, 'quarrel-12345-link'));
      const before = fs.readdirSync(tmp);
      sweepLeftovers();
      expect(fs.readdirSync(tmp)).toEqual(before);
      expect(fs.readdirSync(path.join(folder, 'elsewhere'))).toEqual(['owner.json']);
    } finally {
      child.kill();
    }
  });

  it('removes a home without an owner after a day, if nothing else is in it', () => {
    const pid = endedPid();
    const [half, used] = ['abcdef', 'uvwxyz'].map((end) => path.join(tmp, `quarrel-${pid}-${end}`));
    fs.mkdirSync(half!);
    fs.writeFileSync(path.join(half!, 'owner.json'), '{"pi');
    fs.renameSync(killedHome(undefined), used!);
    const old = new Date(Date.now() - 2 * 24 * 3600 * 1000);
    for (const home of [half!, used!]) fs.utimesSync(home, old, old);
    sweepLeftovers();
    expect(fs.readdirSync(tmp)).toEqual([path.basename(used!)]);
  });

  it('sees no part of a process that is just writing', () => {
    const part = partBeside(path.join(folder, 'out'));
    fs.writeFileSync(part.path, 'half');
    sweepLeftovers();
    expect(fs.readFileSync(part.path, 'utf8')).toBe('half');
    part.remove();
    expect(fs.existsSync(part.path)).toBe(false);
  });
});
