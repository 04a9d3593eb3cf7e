import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const module = pathToFileURL(join(import.meta.dirname, '../../build/setup/electron-package.mjs')).href;
let cache = '';
let dist = '';

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'quarrel-cache-'));
  dist = join(cache, 'quarrel', 'electron-25.1.1-linux-x64');
  mkdirSync(join(dist, 'resources'), { recursive: true });
  writeFileSync(join(dist, 'electron'), 'binary');
  writeFileSync(join(dist, 'quarrel-files.json'), JSON.stringify({ electron: 6 }));
});
afterEach(() => {
  rmSync(cache, { recursive: true });
});

/** What a set-up with this cache folder finds in it. */
function found(): { electronPath?: string } {
  const code = `import(${JSON.stringify(module)}).then((m) => console.log(JSON.stringify(m.packagedElectron() ?? {})))`;
  const env = { ...process.env, XDG_CACHE_HOME: cache };
  return JSON.parse(execFileSync(process.execPath, ['-e', code], { env, encoding: 'utf8' })) as {
    electronPath?: string;
  };
}

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('the unpacked Electron', () => {
  it('is used when it is complete, with the default app in it', () => {
    expect(found().electronPath).toBe(join(dist, 'electron'));
    expect(existsSync(join(dist, 'resources', 'app', 'main.cjs'))).toBe(true);
  });

  it('is not used when a file is cut short or gone', () => {
    truncateSync(join(dist, 'electron'), 3);
    expect(found()).toEqual({});
    rmSync(join(dist, 'electron'));
    expect(found()).toEqual({});
  });

  it('is not used when its inventory is damaged or gone', () => {
    writeFileSync(join(dist, 'quarrel-files.json'), '{"electron":');
    expect(found()).toEqual({});
    rmSync(join(dist, 'quarrel-files.json'));
    expect(found()).toEqual({});
  });
});
