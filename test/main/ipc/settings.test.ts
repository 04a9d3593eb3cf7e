import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Settings } from '../../../src/main/ipc/settings';

describe('Settings', () => {
  let folder: string;
  let file: string;
  const model = (name: string): string => {
    const path = join(folder, name);
    writeFileSync(path, '');
    return path;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'quarrel-settings-'));
    file = join(folder, 'user', 'settings.json');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('keeps theme and recent files, newest first and each once', () => {
    const settings = new Settings(file);
    settings.theme = 'dark';
    const [a, b] = [model('a.gguf'), model('b.gguf')];
    for (const path of [a, b, a]) settings.remember(path);
    const again = new Settings(file);
    expect(again.theme).toBe('dark');
    expect(again.recent()).toEqual([
      { path: a, name: 'a.gguf', folder },
      { path: b, name: 'b.gguf', folder },
    ]);
  });

  it('leaves out files that are gone, and keeps at most twelve', () => {
    const settings = new Settings(file);
    for (let i = 0; i < 15; i++) settings.remember(model(`${i}.gguf`));
    rmSync(join(folder, '14.gguf'));
    const names = settings.recent().map((f) => f.name);
    expect(names).toHaveLength(11);
    expect(names[0]).toBe('13.gguf');
  });

  it('remembers that the tour was seen, and offers it again where the file says nothing of it', () => {
    expect(new Settings(file).tourSeen).toBe(false);
    new Settings(file).tourSeen = true;
    expect(new Settings(file).tourSeen).toBe(true);
    writeFileSync(file, '{"theme":"dark","recent":[],"tourSeen":"yes"}');
    expect(new Settings(file).tourSeen).toBe(false);
  });

  it.each(['', '{', '[]', '{"theme":"pink","recent":"all"}', '{"recent":[1]}'])('begins anew from %j', (text) => {
    new Settings(file).theme = 'light';
    writeFileSync(file, text);
    const settings = new Settings(file);
    expect(settings.theme).toBe('system');
    expect(settings.recent()).toEqual([]);
  });

  it('forgets recent files and leaves no half-written file', () => {
    const settings = new Settings(file);
    settings.remember(model('a.gguf'));
    settings.forgetRecent();
    expect(settings.recent()).toEqual([]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ theme: 'system', recent: [], tourSeen: false });
    expect(readdirSync(join(folder, 'user'))).toEqual(['settings.json']);
  });
});
