/**
 * Writes test/fixtures/quarrel-tiny.gguf, a model with random weights for tests. Run it after a change in build/tiny-model:
 * `node build/make-tiny-model.mjs`. The test of the same name proves that the committed file is what this makes.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runnerImport } from 'vite';
import { projectRoot } from './project-root.mjs';

const target = join(projectRoot, 'test', 'fixtures', 'quarrel-tiny.gguf');
const source = join(projectRoot, 'build', 'tiny-model', 'tiny-model.ts');
const { module } = await runnerImport(source, { configFile: false, root: projectRoot, logLevel: 'error' });
const file = module.makeTinyModel();
mkdirSync(dirname(target), { recursive: true });
writeFileSync(target, file);
process.stdout.write(`${target}\n${file.length} bytes, sha256 ${createHash('sha256').update(file).digest('hex')}\n`);
