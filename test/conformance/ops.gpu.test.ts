import { afterAll, beforeAll, describe, it } from 'vitest';
import { openNodeWebGpuLane } from '../../src/main/lanes/webgpu-node';
import type { GraphLane } from '../../src/shared/divergence/lane';
import { FAMILIES } from './cases';
import { checkKernel } from './op-case';

let lane: GraphLane;
beforeAll(async () => {
  lane = await openNodeWebGpuLane();
});
afterAll(() => lane.dispose());

describe.each(Object.entries(FAMILIES))('%s ops: the WGSL kernels against the real library', (_family, cases) => {
  it.each(cases.map((c) => [c.kind, c.name, c] as const))('%s: %s', async (_kind, _name, c) => {
    await checkKernel(c, lane);
  });
});
