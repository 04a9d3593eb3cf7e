import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { sharedPath } from './shared-files';

/** A trained model of 30 layers in Q4_1 and Q8_0. */
export const SMOLLM2 = sharedPath('models/SmolLM2-135M-Instruct.Q4_1.gguf');

function ggufFiles(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => name.endsWith('.gguf'))
    .sort()
    .map((name) => join(dir, name));
}

/** Small models of many architectures; empty where they are not there. */
export const ARCH_MODELS: readonly string[] = ggufFiles(sharedPath('models/archs'));

/** Small models of trained-like statistics; empty where they are not there. */
export const ENGINE_MODELS: readonly string[] = ggufFiles(sharedPath('reported/engines'));

/** Every model file beside the checkout; empty where there is none. */
export const ALL_MODELS: readonly string[] = [
  ...ARCH_MODELS,
  ...ggufFiles(sharedPath('models')),
  ...ggufFiles(sharedPath('traces')),
];

/** Rows for `it.each`: file name and path; one placeholder where there are none, so that a skipped suite has a name to show. */
export function modelTable(paths: readonly string[]): (readonly [name: string, path: string])[] {
  if (paths.length === 0) return [['no models beside the checkout', '']];
  return paths.map((path) => [basename(path), path] as const);
}
