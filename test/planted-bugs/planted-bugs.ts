import fs from 'node:fs';
import path from 'node:path';
import type { BugFile } from '../../src/main/gallery/gallery';
import { galleryDir, readBug, readGallery } from '../../src/main/gallery/gallery';

/** A planted bug of the gallery; the fields of bug.json stand in resources/gallery/README.md. */
export interface PlantedBug extends Omit<BugFile, 'name'> {
  /** Name of its folder. */
  readonly name: string;
  readonly folder: string;
}

export const PLANTED_BUGS: readonly PlantedBug[] = readGallery().map(({ id }) => ({
  ...readBug(id),
  name: id,
  folder: path.join(galleryDir(), id),
}));

/** Relative paths of a bug's shaders. */
export function overlayFiles(bug: PlantedBug): string[] {
  return fs
    .readdirSync(bug.folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.wgsl'))
    .map((file) => file.replaceAll('\\', '/'));
}
