import { availableParallelism } from 'node:os';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

// The suffix picks the environment: .test.ts, .gpu.test.ts (WebGPU), .e2e.test.ts (Electron).
const gpuTests = 'test/**/*.gpu.test.ts';
const e2eTests = 'test/**/*.e2e.test.ts';

export default defineConfig({
  plugins: [vue()],
  test: {
    globalSetup: 'test/setup/bundles.ts',
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [gpuTests, e2eTests],
          // Vitest leaves one core free by default: on two that is half of them.
          maxWorkers: Math.min(4, availableParallelism()),
          testTimeout: 40_000,
          hookTimeout: 40_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'gpu',
          include: [gpuTests],
          setupFiles: ['test/setup/gpu.ts'],
          // One Dawn device at a time: the software GPU already uses every core.
          maxWorkers: 1,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: [e2eTests],
          globalSetup: ['test/setup/e2e-global.ts'],
          maxWorkers: 1,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
