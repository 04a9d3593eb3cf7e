import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MappedFile } from '../../../src/main/files/mapped-file';
import { readText } from '../../../src/main/files/open-regular';
import { sha256Of } from '../../../src/main/repro/sha256';
import { readNameMap } from '../../../src/main/jobs/produce-trace';
import { openShaders } from '../../../src/main/lanes/shader-files';
import { readSuite } from '../../../src/main/suite/suite-file';
import { TraceFile } from '../../../src/main/traces/trace-file';
import { locateLibrary } from '../../../src/main/capture/library-files';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'open-regular-'));
const pipe = path.join(folder, 'pipe');
const wgsl = path.join(folder, 'shaders', 'ops', 'mul_mat.wgsl');
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** A pipe that nobody writes to: whoever opens it the usual way waits for ever, and no timeout of a test would help. */
describe.skipIf(process.platform === 'win32')('a pipe or a device', () => {
  beforeAll(() => {
    execFileSync('mkfifo', [pipe]);
    fs.mkdirSync(path.dirname(wgsl), { recursive: true });
    fs.symlinkSync(pipe, wgsl);
    for (const name of ['libllama.so', 'libggml.so', 'libggml-base.so']) fs.symlinkSync(pipe, path.join(folder, name));
  });

  it.each<[string, () => unknown]>([
    ['model', () => MappedFile.open(pipe)],
    ['trace', () => TraceFile.open(pipe)],
    ['name map', () => readNameMap(pipe)],
    ['suite', () => readSuite(pipe)],
    ['file of a repro', () => sha256Of(pipe)],
    ['shader', () => openShaders(path.join(folder, 'shaders')).read('ops/mul_mat.wgsl')],
  ])('is refused as a %s, at once', (_what, open) => {
    expect(open).toThrow(/pipe.*it is a pipe; a file is expected|mul_mat\.wgsl: it is a pipe; a file is expected/);
  });

  it('is no llama.cpp library', () => {
    expect(() => locateLibrary(folder)).toThrow(/no llama\.cpp library in/);
  });

  it('is named for what it is', () => {
    expect(() => readText('/dev/zero')).toThrow('/dev/zero: it is a device; a file is expected');
    expect(() => readText(folder, 'the map')).toThrow('the map: it is a folder; a file is expected');
    expect(() => readText(path.join(folder, 'absent'))).toThrow(/absent: cannot be opened: ENOENT/);
  });
});
