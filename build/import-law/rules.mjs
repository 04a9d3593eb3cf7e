/** The import law of ARCHITECTURE.md as data. Paths are relative to `src/`, with `/`. */

/**
 * The folders of `src/shared`, lowest level first. A folder may import from lower levels, and from folders beside it as
 * long as those never import it back, directly or round a corner.
 */
export const sharedLevels = [
  ['base'],
  ['quant'],
  ['gguf', 'graph'],
  ['ops', 'gpu', 'trace', 'compare'],
  ['divergence'],
  ['diagnosis'],
];

/** The contract between processes: it may name the types of every shared folder, but runs none of their code. */
export const contractFolder = 'shared/ipc';

/** Files of `main` that run inside Electron; everything else in `main` is plain Node and knows none of them. */
export const electronOnly = ['main/index.ts', 'main/windows/', 'main/ipc/'];

/**
 * What the part of the program under `from` may import. The first area whose `from` is a prefix of the file counts.
 * @type {ReadonlyArray<{ from: string, own: readonly string[], packages: 'none' | 'any' | readonly string[] }>}
 */
export const areas = [
  // Whoever reads JSON of a file says what it must be: zod is pure.
  ...['shared/base/json', 'shared/trace/', 'shared/divergence/preflight/'].map((from) => ({
    ...{ from, own: ['shared/'], packages: ['zod'] },
  })),
  { from: 'shared/', own: ['shared/'], packages: 'none' },
  { from: 'main/', own: ['main/', 'shared/'], packages: 'any' },
  { from: 'preload/ui.ts', own: ['shared/ipc/'], packages: ['electron'] },
  // The trusted bridge of the hidden GPU window, which has Node: it maps model files and writes traces itself.
  {
    from: 'preload/gpu-host.ts',
    own: ['main/files/', 'main/traces/', 'main/lanes/shader-files', 'main/entry-path', 'shared/'],
    packages: ['electron', 'node:*'],
  },
  {
    from: 'renderer/ui/',
    own: ['renderer/ui/', 'shared/'],
    packages: ['vue', 'pinia', 'echarts', 'vue-echarts', 'driver.js'],
  },
  { from: 'renderer/gpu-window/', own: ['renderer/gpu-window/', 'shared/'], packages: 'none' },
];

/**
 * Violations that are known and to be paid off: `{ file, imports, why }`, both paths as the checker prints them. One that
 * no longer occurs is itself an error, so the list can only shrink.
 * @type {ReadonlyArray<{ file: string, imports: string, why: string }>}
 */
export const debts = [];
