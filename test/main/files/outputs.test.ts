import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { RunOutput } from '../../../src/main/files/outputs';
import { checkOutputs, ReadFiles } from '../../../src/main/files/outputs';
import { inputFiles } from '../../../src/main/files/run-inputs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'outputs-'));
const at = (...names: string[]): string => path.join(folder, ...names);
beforeAll(() => {
  fs.mkdirSync(at('sub', 'ops'), { recursive: true });
  for (const name of ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf', 'dump.safetensors', 'sub/ops/mul_mat.wgsl'])
    fs.writeFileSync(at(name), 'x');
  fs.linkSync(at('dump.safetensors'), at('hard-link.json'));
  fs.symlinkSync(at('m-00002-of-00002.gguf'), at('link.json'));
  fs.symlinkSync(folder, at('loop'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const inputs = (): ReadFiles =>
  new ReadFiles(
    inputFiles({
      models: [at('m-00001-of-00002.gguf')],
      lanes: [
        `trace:${at('dump.safetensors')}`,
        `place:0:webgpu@${at('sub')},1-:reference`,
        `cmd:${at('sub')}/x {out}`,
      ],
    }),
  );
const NONE = new ReadFiles([]);
const file = (name: string): RunOutput => ({ option: '--out', path: name, kind: 'file' });

describe('an output', () => {
  it.each([
    ['the model itself', at('m-00001-of-00002.gguf')],
    ['another spelling of it', `${folder}/sub/..//m-00001-of-00002.gguf`],
    ['its second shard by a link', at('link.json')],
    ['the dump by a hard link', at('hard-link.json')],
    ['the dump by a linked folder', at('loop', 'dump.safetensors')],
    ['a relative path', path.relative(process.cwd(), at('dump.safetensors'))],
    ['a shader of an overlay', at('sub', 'ops', 'mul_mat.wgsl')],
    ['a program that is to be run', at('sub', 'x')],
  ])('is refused where it is an input: %s', (_how, target) => {
    expect(() => checkOutputs([file(target)], inputs())).toThrow(/^--out .*: this file is read here.* would be lost/);
  });

  it('is refused where it is another output, though neither exists', () => {
    const same = { option: '--report', path: at('loop', 'new', '..', 'new', 'r.json'), kind: 'file' } as const;
    expect(() => checkOutputs([file(at('new', 'r.json')), same], NONE)).toThrow(
      /^--report .*: it is the same as --out/,
    );
  });

  it.each<[string, RunOutput, RegExp]>([
    ['a file under a file', file(at('dump.safetensors', 'r.json')), /cannot be written: ENOTDIR/],
    ['a folder', file(at('sub')), /it is a folder; the name of a file is expected/],
    ['the name of a folder', file(`${at('new')}/`), /this is the name of a folder/],
    ['a device', file('/dev/null'), /it is a device or pipe/],
    ['in a folder that takes none', file('/proc/r.json'), /cannot be written/],
    ['a folder that is a file', { ...file(at('dump.safetensors')), kind: 'folder' }, /it is a file; a folder is/],
    [
      'a new folder that holds things',
      { ...file(folder), kind: 'new-folder' },
      /it holds .*; a new folder is expected/,
    ],
  ])('is refused where it cannot be written: %s', (_how, output, message) => {
    if (!fs.existsSync('/proc') && /^\/(proc|dev)/.test(output.path)) return;
    expect(() => checkOutputs([output], NONE)).toThrow(message);
  });

  it('that replaces a folder must not replace one with an input', () => {
    expect(() => inputs().requireNoneIn(at('sub'), 'repro')).toThrow(/^repro .*: .*, which lies in it, is read here/);
    expect(() => inputs().requireNoneIn(at('new'), 'repro')).not.toThrow();
  });

  it('that can be written leaves no mark of having been checked', () => {
    const before = fs.readdirSync(folder);
    checkOutputs([file(at('new', 'deep', 'r.json')), { ...file(at('also-new')), kind: 'new-folder' }], inputs());
    expect(fs.readdirSync(folder)).toEqual(before);
  });
});
