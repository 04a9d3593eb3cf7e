import { QuarrelError } from '../base/errors';
import type { Result } from '../base/result';
import { err, ok } from '../base/result';
import type { GgmlTypeName } from '../quant/ggml-type';
import { QUANT_FORMATS } from '../quant/registry';
import type { ShaderSource } from './compose-shader';
import { BlockDecoder } from './decode-blocks';
import type { GpuSession } from './gpu-session';
import { DeviceLostError } from './gpu-session';
import type { ProbeReport } from './probe-block';
import { probeBlock } from './probe-block';

/** A few blocks as the device decoded them. */
export interface DecodedAndProbed {
  readonly values: Float32Array<ArrayBuffer>;
  /** What the kernel computed for the first block, or why that cannot be told. */
  readonly probe: Result<ProbeReport>;
}

/**
 * What the block inspector asks of a device.
 * @param blocks whole blocks, at least one
 * Throws QuarrelError: the decoder does not compile, or the device was lost.
 */
export async function decodeAndProbe(
  session: GpuSession,
  shaders: ShaderSource,
  type: GgmlTypeName,
  blocks: Uint8Array,
): Promise<DecodedAndProbed> {
  try {
    const values = await new BlockDecoder(session, shaders).decode(type, blocks);
    const first = blocks.subarray(0, QUANT_FORMATS[type].blockBytes);
    // An overlay's decoder may compile and yet have no notes that the probe can read.
    const probe = await probeBlock(session, shaders, type, first).then(ok, (error: unknown) => {
      if (error instanceof QuarrelError) return err(error.message);
      throw error;
    });
    return { values, probe };
  } catch (error) {
    if (error instanceof DeviceLostError) throw new QuarrelError(`the GPU device was lost: ${error.message}`);
    throw error;
  }
}
