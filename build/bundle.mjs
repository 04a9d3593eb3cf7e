/**
 * Builds `out/` where a source is newer than the last build. `node build/bundle.mjs` builds everything, `--main` only
 * `out/main`, which the CLI and Vitest need. Says nothing on stdout.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildWasm } from './build-wasm.mjs';
import { withLock } from './lock.mjs';
import { projectRoot } from './project-root.mjs';

const out = join(projectRoot, 'out');
const outMain = join(out, 'main');
const outPreload = join(out, 'preload');
const config = ['electron.vite.config.ts', 'package.json'];

/** What is built in one go: the file whose time is that of the last build, and the sources. */
const mainPart = {
  stamp: join(outMain, '.built'),
  sources: ['src/main', 'src/shared', 'build/build-wasm.mjs', ...config],
};
// The trusted preload bundles parts of src/main.
const windowsPart = { stamp: join(out, '.windows-built'), sources: ['src', ...config] };

/** True when `out/main` is older than any source it is built from. */
export const mainIsStale = () => isStale(mainPart);

function isStale({ stamp, sources }) {
  if (!existsSync(stamp)) return true;
  const built = statSync(stamp).mtimeMs;
  return sources.some((path) => newestChange(join(projectRoot, path)) > built);
}

/** Latest modification under `path`; a folder's own time counts, so that a removed file is noticed. */
function newestChange(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestChange(join(path, name))), stat.mtimeMs);
}

/** Builds `out/main` if it is stale. Throws when the build fails; `out/main` then stays as it was. */
export function bundleMain() {
  return buildPart(mainPart, async () => {
    const next = join(out, `.next-${process.pid}`);
    try {
      const { main } = await resolved({ logLevel: 'error', build: { outDir: next, emptyOutDir: true } });
      const { build } = await import('vite');
      if (hasInput(main)) await build(main);
      await buildWasm(join(next, 'main'), { last: outMain });
      mkdirSync(outMain, { recursive: true });
      install(join(next, 'main'));
    } finally {
      rmSync(next, { recursive: true, force: true });
    }
  });
}

/** Builds everything that is stale; throws when a build fails. */
export async function bundleAll() {
  await bundleMain();
  await buildPart(windowsPart, async () => {
    const { build } = await import('vite');
    const { preload, renderer } = await resolved({ logLevel: 'error' });
    await buildEntriesAlone(build, preload);
    if (hasInput(renderer)) await build(renderer);
  });
}

/** Two builds at once, a CLI beside a test run, would write the same files: hence the lock. */
async function buildPart(part, build) {
  if (!isStale(part)) return;
  await withLock(join(out, '.lock'), async () => {
    if (!isStale(part)) return;
    const startedAt = new Date();
    await build();
    writeFileSync(part.stamp, '');
    utimesSync(part.stamp, startedAt, startedAt); // a source edited during the build counts as newer
  });
}

/** Moves a finished build into `out/main` file by file, chunks first, so that a process starting meanwhile finds whole files. */
function install(from) {
  const fresh = new Set(files(from));
  const chunksFirst = [...fresh].sort((a, b) => b.split('/').length - a.split('/').length);
  for (const file of chunksFirst) {
    mkdirSync(dirname(join(outMain, file)), { recursive: true });
    renameSync(join(from, file), join(outMain, file));
  }
  for (const file of files(outMain)) if (!fresh.has(file)) rmSync(join(outMain, file), { force: true });
}

function files(root) {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

/** The configuration of electron.vite.config.ts, completed by electron-vite. */
async function resolved(inline) {
  // Loaded late: the staleness check alone must stay fast.
  const { resolveConfig } = await import('electron-vite');
  process.env.NODE_ENV_ELECTRON_VITE = 'production';
  process.chdir(projectRoot);
  return (await resolveConfig(inline, 'build', 'production')).config;
}

const hasInput = (config) => Object.keys(config.build.rollupOptions.input).length > 0;

/**
 * A sandboxed preload may require nothing but `electron`, so the entries must not share chunks. (electron-vite's own
 * `isolatedEntries` draws its progress with cursor moves and fails where stdout is no terminal.)
 */
async function buildEntriesAlone(build, preload) {
  rmSync(outPreload, { recursive: true, force: true });
  for (const [name, file] of Object.entries(preload.build.rollupOptions.input)) {
    const rollupOptions = { ...preload.build.rollupOptions, input: { [name]: file } };
    await build({ ...preload, build: { ...preload.build, emptyOutDir: false, rollupOptions } });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    await (process.argv.includes('--main') ? bundleMain() : bundleAll());
  } catch (error) {
    process.stderr.write(`build failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
