import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImports } from '../../build/check-imports.mjs';

let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'quarrel-imports-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(file: string, text: string): void {
  const path = join(root, 'src', file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** All problems of the tree written so far, after adding a file where one is given. */
function problems(file?: string, text = ''): readonly string[] {
  if (file !== undefined) write(file, text);
  return checkImports(root).problems;
}

describe('the direction inside shared', () => {
  it('lets a folder import from lower levels and from itself', () => {
    write('shared/diagnosis/a.ts', `import { x } from '../base/x'; import { y } from '../divergence/y'; import './b';`);
    expect(problems('shared/trace/a.ts', `import type { Graph } from '../graph/graph';`)).toEqual([]);
  });

  it('names file, line and target of an import that goes up', () => {
    const [problem, ...others] = problems('shared/base/a.ts', `\nimport { decode } from '../quant/k-quants';`);
    expect(problem).toMatch(/^src\/shared\/base\/a\.ts:2 imports shared\/quant\/k-quants: quant lies above base/);
    expect(others).toEqual([]);
  });

  it.each([
    ['a type import', `import type { A } from '../diagnosis/a';`],
    ['a re-export', `export * from '../diagnosis/a';`],
    ['a dynamic import', `const a = import('../diagnosis/a');`],
    ['an import type', `let a: import('../diagnosis/a').A;`],
    ['a require', `const a = require('../diagnosis/a');`],
    ['a side effect', `import '../diagnosis/a';`],
  ])('sees %s', (_, text) => {
    expect(problems('shared/ops/a.ts', text)).toHaveLength(1);
  });

  it('lets folders of one level import each other in one direction only', () => {
    write('shared/gguf/a.ts', `import type { Dims } from '../graph/graph';`);
    expect(problems()).toEqual([]);
    const found = problems('shared/graph/graph.ts', `import { b } from '../gguf/a';`);
    expect(found).toHaveLength(2);
    expect(found[0]).toContain('gguf and graph import each other');
  });

  it('finds a circle of three folders', () => {
    write('shared/ops/a.ts', `import '../gpu/a';`);
    write('shared/gpu/a.ts', `import '../trace/a';`);
    expect(problems('shared/trace/a.ts', `import '../ops/a';`)).toHaveLength(3);
  });

  it('allows the contract types of every folder and values of base alone', () => {
    const types = `import type { V } from '../divergence/verdict'; import { type W } from '../compare/w';`;
    expect(problems('shared/ipc/a.ts', `${types} import { assert } from '../base/assert';`)).toEqual([]);
    expect(problems('shared/ipc/a.ts', `import { search } from '../divergence/search';`)).toHaveLength(1);
    expect(problems('shared/ipc/a.ts', `import { W, type X } from '../compare/w';`)).toHaveLength(1);
  });

  it.each(['node:fs', 'electron', 'vue', 'zod', '@huggingface/gguf'])('keeps the package %s out', (name) => {
    expect(problems('shared/gguf/a.ts', `import x from '${name}';`)).toHaveLength(1);
  });

  it('wants a level for every folder', () => {
    expect(problems('shared/misc/a.ts', `import { x } from '../base/x';`)[0]).toContain('shared/misc has no level');
  });
});

describe('processes', () => {
  it('keeps main and renderer apart', () => {
    expect(problems('main/jobs/a.ts', `import { store } from '../../renderer/ui/store';`)).toHaveLength(1);
    expect(problems('renderer/ui/a.ts', `import { openModel } from '../../main/files/model-file';`)).toHaveLength(2);
  });

  it('allows electron in the entry, the windows and the handlers, and nowhere else in main', () => {
    write('main/index.ts', `import { app } from 'electron'; import './windows/a';`);
    write('main/windows/a.ts', `import { BrowserWindow } from 'electron'; import x from 'koffi';`);
    write('main/ipc/a.ts', `import { ipcMain } from 'electron';`);
    expect(problems()).toEqual([]);
    expect(problems('main/workers/a.ts', `import { app } from 'electron';`)[0]).toContain(
      'electron may be imported only by',
    );
  });

  it('keeps plain Node code from reaching electron round a corner', () => {
    expect(problems('main/cli/a.ts', `import { open } from '../windows/a';`)).toHaveLength(1);
    expect(problems('main/cli/a.ts', `import '../index';`)).toHaveLength(1);
    expect(problems('main/cli/a.ts', `import '../jobs/index';`)).toEqual([]);
  });

  it('gives the sandboxed preload the contract and electron, the trusted one files and traces too', () => {
    write(
      'preload/ui.ts',
      `import { ipcRenderer } from 'electron'; import { channels } from '../shared/ipc/contract';`,
    );
    write(
      'preload/gpu-host.ts',
      `import '../main/files/model-file'; import '../main/traces/trace-writer'; import 'node:fs';`,
    );
    expect(problems()).toEqual([]);
    expect(problems('preload/ui.ts', `import '../main/files/model-file'; import 'node:fs';`)).toHaveLength(2);
    write('preload/ui.ts', '');
    expect(problems('preload/gpu-host.ts', `import '../main/capture/capture';`)).toHaveLength(1);
  });

  it('reads the scripts of Vue files, with their lines', () => {
    const text = `<template>\n  <p>import x from 'electron'</p>\n</template>\n<script setup lang="ts">\nimport x from 'node:fs';\n</script>\n`;
    expect(problems('renderer/ui/A.vue', text)).toEqual([
      'src/renderer/ui/A.vue:5 imports node:fs: renderer/ui/ may import only the packages vue, pinia, echarts, vue-echarts, driver.js',
    ]);
  });

  it('wants an area for every file', () => {
    expect(problems('misc/a.ts', `import 'node:fs';`)[0]).toContain('in no area');
  });
});

describe('debts', () => {
  const debt = { file: 'shared/base/a.ts', imports: 'shared/quant/q', why: 'a test' };

  it('are let pass by name', () => {
    write('shared/base/a.ts', `import '../quant/q'; import '../quant/r';`);
    const { problems: found } = checkImports(root, [debt]);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('shared/quant/r');
  });

  it('are reported once they are paid', () => {
    write('shared/base/a.ts', `import './b';`);
    expect(checkImports(root, [debt]).problems).toEqual([
      'debt shared/base/a.ts → shared/quant/q is paid: take it off build/import-law/rules.mjs',
    ]);
  });
});
