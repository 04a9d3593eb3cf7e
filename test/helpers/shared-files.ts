import path from 'node:path';

import { projectRoot } from '../../src/main/entry-path';

/** A file of the folder beside the checkout; it may be absent, and then its tests are skipped by name. */
export function sharedPath(relative: string): string {
  return path.resolve(projectRoot(), '..', 'shared', relative);
}

/** The model with random weights that build/make-tiny-model.mjs makes. */
export function tinyModelPath(): string {
  return path.join(projectRoot(), 'test', 'fixtures', 'quarrel-tiny.gguf');
}
