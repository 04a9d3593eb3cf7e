import { existsSync } from 'node:fs';
import { join } from 'node:path';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'electron-vite';
import type { EntryName } from './src/main/entry-path';

const root = import.meta.dirname;

// The oldest Electron that must run the bundles is 25: Node 18.15, Chrome 114.
const nodeTarget = 'node18.15';
const chromeTarget = 'chrome114';

const mainEntries: Record<EntryName, string> = {
  index: 'src/main/index.ts',
  cli: 'src/main/cli/index.ts',
  'capture-child': 'src/main/capture/capture-child.ts',
  'bench-worker': 'src/main/bench/bench-worker.ts',
  'decode-worker': 'src/main/workers/decode-worker.ts',
  'ops-worker': 'src/main/workers/ops-worker.ts',
  'job-worker': 'src/main/jobs/job-worker.ts',
  'verify-worker': 'src/main/verify/verify-worker.ts',
};
const preloadEntries = { ui: 'src/preload/ui.ts', 'gpu-host': 'src/preload/gpu-host.ts' };
const rendererEntries = { ui: 'src/renderer/ui/index.html', 'gpu-window': 'src/renderer/gpu-window/index.html' };

// Native modules, and packages that find their own files beside themselves, cannot be bundled.
const external = ['koffi', 'webgpu', 'piscina', /^@node-llama-cpp\//];

// CommonJS, since Electron 25 has no ES modules in main and preload.
const output = { format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: 'chunks/[name]-[hash].cjs' } as const;

/** The entries whose source exists; build/bundle.mjs skips a part of the app that has none. */
function inputs(entries: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries)
      .map(([name, file]): [string, string] => [name, join(root, file)])
      .filter(([, file]) => existsSync(file)),
  );
}

export default defineConfig({
  main: {
    build: {
      target: nodeTarget,
      outDir: join(root, 'out/main'),
      externalizeDeps: false,
      sourcemap: true,
      rollupOptions: { input: inputs(mainEntries), external, output },
    },
  },
  preload: {
    build: {
      target: nodeTarget,
      outDir: join(root, 'out/preload'),
      externalizeDeps: false,
      rollupOptions: { input: inputs(preloadEntries), external, output },
    },
  },
  renderer: {
    root: join(root, 'src/renderer'),
    plugins: [vue()],
    build: {
      target: chromeTarget,
      outDir: join(root, 'out/renderer'),
      rollupOptions: { input: inputs(rendererEntries) },
    },
  },
});
