import { adapterName } from '../../shared/gpu/adapter';
import { decodeAndProbe } from '../../shared/gpu/decode-and-probe';
import type { DecodeOnDevice } from '../jobs/inspect-block';
import { openShaders } from './shader-files';
import { nodeAdapter, openNodeSession } from './webgpu-node';

/** The WGSL lane of `block --lanes`, on Dawn for Node. */
export const decodeOnNode: DecodeOnDevice = async (type, blocks, overlay) => {
  const shaders = openShaders(overlay);
  const engine = `${adapterName(await nodeAdapter())}, Dawn for Node`;
  const session = await openNodeSession();
  try {
    return { engine, ...(await decodeAndProbe(session, shaders, type, blocks)) };
  } finally {
    session.dispose();
  }
};
