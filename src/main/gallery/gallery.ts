import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { GalleryBug } from '../../shared/gallery/gallery';
import { QuarrelError } from '../../shared/base/errors';
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

/** All bugs, the one to begin with first. Throws QuarrelError that names the file where one cannot be read. */
export function readGallery(): readonly GalleryBug[] {
  const order = z.array(z.string()).parse(readJson(path.join(galleryDir(), 'order.json')));
  return order.map((id) => {
    const { name, title, story, part, cause, step = 0, first } = readBug(id);
    const node = first[path.basename(specimenPath())];
    if (node === undefined) throw new QuarrelError(`${bugPath(id)}: no first node of ${path.basename(specimenPath())}`);
    const lane = `webgpu@${path.join(galleryDir(), id)}`;
    return { id, name, title, story, part, lane, steps: step, expected: { node, step, cause } };
  });
}

/** One bug's own file. Throws QuarrelError that names it and the field that is wrong. */
export function readBug(id: string): BugFile {
  const read = bugFile.safeParse(readJson(bugPath(id)));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new QuarrelError(`${bugPath(id)}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a planted bug'}`);
}

const bugPath = (id: string): string => path.join(galleryDir(), id, 'bug.json');

function readJson(file: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    throw new QuarrelError(`cannot read ${file}: ${(error as Error).message}`);
  }
}
