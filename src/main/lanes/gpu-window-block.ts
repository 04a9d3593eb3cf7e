import type { DecodeOnDevice } from '../jobs/inspect-block';
import type { GpuWindowClient } from './gpu-window-client';

/** The WGSL lane of the app's block inspector: the hidden GPU window decodes. */
export function gpuWindowDecoder(client: GpuWindowClient): DecodeOnDevice {
  return (type, blocks, overlay) =>
    client.call('decodeBlocks', { type, blocks, ...(overlay === undefined ? {} : { overlayDir: overlay }) });
}
