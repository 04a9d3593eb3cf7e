import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { captureTrace } from '../../../src/main/capture/capture';
import { isLibrary, locateLibrary } from '../../../src/main/capture/library-files';
import { PROMPT, rejection, silent, TINY_MODEL, temporaryFolder } from './capture-fixture';

const folder = temporaryFolder();
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A folder as an ordinary build leaves it: plain names, versions linked to them. */
function ordinaryBuild(name: string, sub = ''): string {
  const published = locateLibrary();
  const dir = path.join(folder, name);
  const target = path.join(dir, sub);
  fs.mkdirSync(target, { recursive: true });
  for (const file of fs.readdirSync(published.dir)) {
    const plain = file.replace(/\.v\d+\.\d+\.\d+\.so$/, '.so.0.4.0');
    fs.symlinkSync(path.join(published.dir, file), path.join(target, plain));
    if (plain !== file) fs.symlinkSync(plain, path.join(target, plain.replace(/\.0\.4\.0$/, '')));
  }
  return dir;
}

describe('isLibrary', () => {
  it.each([
    ['libllama.so', 'llama'],
    ['libllama.so.0.4.0', 'llama'],
    ['libllama.v0.4.0.so', 'llama'],
    ['libllama.0.dylib', 'llama'],
    ['libllama.metal.v0.4.0.dylib', 'llama'],
    ['llama.dll', 'llama'],
    ['llama.v0.4.0.dll', 'llama'],
    ['libggml.so.0', 'ggml'],
    ['libggml-base.so', 'ggml-base'],
  ])('takes %s for %s', (name, stem) => expect(isLibrary(name, stem)).toBe(true));

  it.each([
    ['libllama-common.so', 'llama'],
    ['llama-addon.node', 'llama'],
    ['libggml-base.so', 'ggml'],
    ['libggml-cpu-zen4.so', 'ggml'],
    ['libllama.so.debug', 'llama'],
    ['libllama.a', 'llama'],
  ])('does not take %s for %s', (name, stem) => expect(isLibrary(name, stem)).toBe(false));
});

describe('locateLibrary', () => {
  it('finds the published library', () => {
    const files = locateLibrary();
    expect(files.label).toBe('published');
    for (const file of [files.llama, files.ggml, files.ggmlBase]) expect(fs.existsSync(file)).toBe(true);
  });

  it.skipIf(process.platform !== 'linux').each([[''], ['lib'], ['bin']])('finds an ordinary build in DIR/%s', (sub) => {
    const dir = ordinaryBuild(`build-in-${sub}`, sub);
    const files = locateLibrary(dir);
    expect(files.dir).toBe(path.join(dir, sub));
    expect(path.basename(files.llama)).toBe('libllama.so');
    expect(path.basename(files.ggml)).toBe('libggml.so');
    expect(files.label).toBe(dir);
  });

  it('lists what it looked for and what it found', () => {
    const dir = path.join(folder, 'half');
    fs.mkdirSync(dir);
    fs.writeFileSync(path.join(dir, 'libggml-base.so'), '');
    expect(() => locateLibrary(dir)).toThrow(
      /no llama\.cpp library in .*half.*looked for .*llama.*found .*libggml-base\.so/,
    );
    expect(() => locateLibrary(path.join(folder, 'nowhere'))).toThrow(/found nothing of the kind/);
  });
});

describe.skipIf(process.platform !== 'linux')('capture with another build', () => {
  it('gives the same results through ordinary names', async () => {
    const other = path.join(folder, 'other.safetensors');
    const published = path.join(folder, 'published.safetensors');
    const request = { modelPath: TINY_MODEL, prompt: PROMPT };
    const a = await captureTrace({ ...request, out: published }, silent());
    const b = await captureTrace({ ...request, out: other, libraryDir: ordinaryBuild('build') }, silent());
    expect(b.graph).toEqual(a.graph);
    expect(b.topLogits).toEqual(a.topLogits);
  });

  it('refuses libraries that are none', async () => {
    const dir = path.join(folder, 'garbage');
    fs.mkdirSync(dir);
    for (const name of ['libggml-base.so', 'libggml.so', 'libllama.so'])
      fs.writeFileSync(path.join(dir, name), 'no library');
    const out = path.join(folder, 'never.safetensors');
    const error = await rejection(
      captureTrace({ modelPath: TINY_MODEL, prompt: PROMPT, out, libraryDir: dir }, silent()),
    );
    expect(error.name).toBe('QuarrelError');
    expect(error.message).toMatch(/cannot load .*garbage.*libggml-base\.so/);
    expect(fs.existsSync(out)).toBe(false);
  });
});
