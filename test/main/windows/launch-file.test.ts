import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { launchFile } from '../../../src/main/windows/launch-file';

const cwd = resolve('/home/somebody');

describe('launchFile', () => {
  it('takes the first path after the app folder that Electron was told to run', () => {
    const argv = ['electron', '-r', 'loader.js', '--no-sandbox', '.', '--flag', 'a.gguf', 'b.gguf'];
    expect(launchFile(argv, cwd, cwd)).toBe(resolve(cwd, 'a.gguf'));
  });

  it('takes the first path of a packaged app', () => {
    expect(launchFile(['quarrel', '--flag', 'models/a.gguf'], undefined, cwd)).toBe(resolve(cwd, 'models/a.gguf'));
  });

  it('leaves an absolute path as it is', () => {
    expect(launchFile(['quarrel', resolve('/models/a.gguf')], undefined, cwd)).toBe(resolve('/models/a.gguf'));
  });

  it('finds nothing where nothing is named', () => {
    expect(launchFile(['quarrel', '--flag'], undefined, cwd)).toBeUndefined();
    expect(launchFile(['electron', '.'], cwd, cwd)).toBeUndefined();
  });
});
