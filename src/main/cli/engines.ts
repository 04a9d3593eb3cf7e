import type { Engines } from '../jobs/produce-trace';

/** The command line runs WebGPU through Dawn for Node, loaded only when a command asks for it. */
export const nodeEngines: Engines = {
  webgpuLane: async (overlay, limits) => {
    const { openNodeWebGpuLane } = await import('../lanes/webgpu-node');
    return openNodeWebGpuLane(overlay, limits);
  },
};
