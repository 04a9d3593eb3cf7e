import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { QuarrelError } from '../shared/base/errors';

/** Bundles of `out/main`. `electron.vite.config.ts` maps each name to its source. */
export type EntryName =
  'index' | 'cli' | 'capture-child' | 'bench-worker' | 'decode-worker' | 'ops-worker' | 'job-worker' | 'verify-worker';

/** Electron's archive of a packaged app, and the folder beside it with those of its files that must be real ones. */
const ARCHIVE = 'app.asar';
const UNPACKED = 'app.asar.unpacked';

let cachedRoot: string | undefined;

/**
 * The folder that holds Quarrel's package.json. The same walk serves a bundle in `out/main`, the packaged app and Vitest,
 * which runs the sources. Of a packaged app it is the folder beside the archive: worker threads, native libraries and
 * mapped files all need real paths. What only Electron itself reads is under `archiveRoot`.
 */
export function projectRoot(): string {
  cachedRoot ??= besideArchive(findRoot(dirname(fileURLToPath(import.meta.url))));
  return cachedRoot;
}

/** Where the pages and preload scripts are: in the archive of a packaged app, where Electron can check them. */
export function archiveRoot(): string {
  const root = projectRoot();
  return basename(root) === UNPACKED ? join(dirname(root), ARCHIVE) : root;
}

export function besideArchive(root: string): string {
  return basename(root) === ARCHIVE ? join(dirname(root), UNPACKED) : root;
}

/** Path of a bundle that a worker thread or a child process is started from. Throws QuarrelError when it is not built. */
export function entryPath(name: EntryName): string {
  const path = join(projectRoot(), 'out', 'main', `${name}.cjs`);
  if (!existsSync(path))
    throw new QuarrelError(`bundle ${name}.cjs is missing in ${dirname(path)}: run "npm run build"`);
  return path;
}

/** Path of a WebAssembly module in `out/main`; build/build-wasm.mjs builds them. Throws QuarrelError when it is not built. */
export function wasmPath(name: 'decoders' | 'verify'): string {
  const path = join(projectRoot(), 'out', 'main', `${name}.wasm`);
  if (!existsSync(path)) throw new QuarrelError(`${name}.wasm is missing in ${dirname(path)}: run "npm run build"`);
  return path;
}

/** Files shipped with the program, such as the specimen model. */
export function resourcesDir(): string {
  return join(projectRoot(), 'resources');
}

export type SpecimenType = 'Q4_K_M' | 'F16';

/** The embedded model: small, trained, and quantized by llama.cpp to Q4_K_M; the same in F16. */
export function specimenPath(type: SpecimenType = 'Q4_K_M'): string {
  return join(resourcesDir(), 'specimen', `quarrel-specimen.${type}.gguf`);
}

/** The WGSL sources. */
export function shadersDir(): string {
  return join(projectRoot(), 'shaders');
}

function findRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (packageName(join(folder, 'package.json')) === 'quarrel') return folder;
    if (dirname(folder) === folder) throw new QuarrelError(`no package.json of quarrel in any folder above ${start}`);
  }
}

function packageName(path: string): unknown {
  if (!existsSync(path)) return undefined;
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'name' in parsed ? parsed.name : undefined;
}
