import fs from 'node:fs';
import path from 'node:path';
import { casesOf, filtered } from '../../../src/main/suite/suite-cases';
import { parseSuite } from '../../../src/main/suite/suite-file';
import { mutateJson } from '../mutate-json';
import type { Target } from '../run-target';

const SUITE = {
  schema: 'quarrel.suite/1',
  name: 's',
  defaults: { reference: 'llama', threads: 2, strict: false, prompts: ['once', { tokens: [1, 2], steps: 1 }] },
  models: ['a.gguf', 'm/*.gguf'],
  candidates: [
    'webgpu',
    { lane: 'trace:x.safetensors', map: 'm.json', expect: { node: 'l_out-1', cause: 'rope-neox' } },
  ],
  expect: { verdict: 'clean', minLogit: 3, token: 'Paris' },
  entries: [
    {},
    { models: 'b.gguf', prompts: [{ text: 'a', name: 'n', stepTokens: [5] }], expect: { verdict: 'diverged' } },
  ],
};

/** A suite's file, and its cases in a folder of models, a link that leads to itself among them. */
export function suiteTarget(folder: string): Target {
  fs.mkdirSync(path.join(folder, 'm'), { recursive: true });
  for (const name of ['a.gguf', 'x-00009-of-00003.gguf']) fs.writeFileSync(path.join(folder, 'm', name), 'GGUF');
  fs.symlinkSync('loop.gguf', path.join(folder, 'm', 'loop.gguf'));
  return {
    name: 'suite, and its cases',
    weight: 20,
    run: (chance) => {
      filtered(casesOf(parseSuite(mutateJson(SUITE, chance), path.join(folder, 'suite.json'))), 'a*');
    },
  };
}
