import fs from 'node:fs';
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';
import { readText } from '../files/open-regular';
import { REPRO_FILES } from './repro-document';

const NAMES: readonly string[] = Object.values(REPRO_FILES);

/** Whether a folder is a repro as `writeRepro` writes it: one that holds anything else is not ours to replace. */
export function isRepro(folder: string): boolean {
  if (!fs.lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return false;
  const entries = fs.readdirSync(folder, { withFileTypes: true });
  return (
    entries.every((entry) => NAMES.includes(entry.name) && (entry.isFile() || isShaders(entry, folder))) &&
    hasDocument(folder)
  );
}

function isShaders(entry: fs.Dirent, folder: string): boolean {
  if (entry.name !== REPRO_FILES.shaders || !entry.isDirectory()) return false;
  const below = fs.readdirSync(path.join(folder, entry.name), { withFileTypes: true, recursive: true });
  return below.every((file) => file.isDirectory() || (file.isFile() && file.name.endsWith('.wgsl')));
}

function hasDocument(folder: string): boolean {
  try {
    const document: unknown = JSON.parse(readText(path.join(folder, REPRO_FILES.document)));
    const schema = (document as { readonly schema?: unknown } | null)?.schema;
    return typeof schema === 'string' && schema.startsWith('quarrel.repro/');
  } catch (e) {
    if (e instanceof QuarrelError || e instanceof SyntaxError) return false;
    throw e;
  }
}
