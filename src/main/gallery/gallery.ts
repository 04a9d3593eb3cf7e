import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { GalleryBug } from '../../shared/gallery/gallery';
import { QuarrelError } from '../../shared/base/errors';
import { parseJson } from '../../shared/base/json';
import { resourcesDir, specimenPath } from '../entry-path';

/** The fields of a bug.json, as resources/gallery/README.md explains them. */
const bugFile = z.strictObject({
  name: z.string().min(1),
  title: z.string().min(1),
  story: z.string().min(1),
  part: z.enum(['weights', 'attention', 'cache', 'mat-mul', 'feed-forward', 'norm']),
  catalogue: z.int().nonnegative(),
  cause: z.string().min(1),
  step: z.int().positive().optional(),
  first: z.record(z.string(), z.string().min(1)),
});

export type BugFile = z.infer<typeof bugFile>;

export function galleryDir(): string {
  return path.join(resourcesDir(), 'gallery');
}

/**
 * All bugs, the one to begin with first.
 * @param folder order.json and one folder per bug
 * Throws QuarrelError that names the file, and the field that is wrong.
 */
export function readGallery(folder = galleryDir()): readonly GalleryBug[] {
  return read(path.join(folder, 'order.json'), z.array(z.string().min(1))).map((id) => {
    const { name, title, story, part, cause, step = 0, first } = readBug(id, folder);
    const model = path.basename(specimenPath());
    const node = first[model];
    if (node === undefined) throw new QuarrelError(`${bugPath(id, folder)}: "first" has no node of ${model}`);
    const lane = `webgpu@${path.join(folder, id)}`;
    return { id, name, title, story, part, lane, steps: step, expected: { node, step, cause } };
  });
}

/** One bug's own file. Throws as readGallery. */
export function readBug(id: string, folder = galleryDir()): BugFile {
  return read(bugPath(id, folder), bugFile);
}

const bugPath = (id: string, folder: string): string => path.join(folder, id, 'bug.json');

function read<T>(file: string, schema: z.ZodType<T>): T {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new QuarrelError(`cannot read ${file}: ${(error as Error).message}`);
  }
  return parseJson(text, schema, file);
}
