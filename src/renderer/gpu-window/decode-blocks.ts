import { openSession, requestAdapter } from '../../shared/gpu/adapter';
import { decodeAndProbe } from '../../shared/gpu/decode-and-probe';
import type { GpuHost } from '../../shared/ipc/gpu-host';
import type { GpuDecodedBlocks, GpuDecodeRequest } from '../../shared/ipc/gpu-window';
import { adapterLabel, webGpu } from './web-gpu';

/** Decodes a few blocks for the block inspector; shaders are read anew, since the user may be editing them. */
export async function decodeBlocks(host: GpuHost, request: GpuDecodeRequest): Promise<GpuDecodedBlocks> {
  const shaders = host.shaders(request.overlayDir);
  const gpu = await requestAdapter(webGpu());
  const { adapter, implementation } = await adapterLabel(gpu);
  const session = await openSession(gpu);
  try {
    const decoded = await decodeAndProbe(session, shaders, request.type, request.blocks);
    return { engine: `${adapter}, ${implementation}`, ...decoded };
  } finally {
    session.dispose();
  }
}
