import fs from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../src/main/entry-path';

/** A planted bug; the fields of bug.json stand in README.md. */
export interface PlantedBug {
  readonly name: string;
  readonly folder: string;
  readonly title: string;
  readonly catalogue: number;
  readonly first: Readonly<Record<string, string>>;
  /** Decode step in which it shows first; the prompt when absent. */
  readonly step?: number;
}

const root = path.join(projectRoot(), 'test', 'planted-bugs');

export const PLANTED_BUGS: readonly PlantedBug[] = fs
  .readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => {
    const folder = path.join(root, name);
    const bug = JSON.parse(fs.readFileSync(path.join(folder, 'bug.json'), 'utf8')) as Omit<
      PlantedBug,
      'name' | 'folder'
    >;
    return { name, folder, ...bug };
  });

/** Relative paths of a bug's shaders. */
export function overlayFiles(bug: PlantedBug): string[] {
  return fs
    .readdirSync(bug.folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.wgsl'))
    .map((file) => file.replaceAll('\\', '/'));
}
