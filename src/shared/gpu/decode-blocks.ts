import { assert } from '../base/assert';
import { QUANT_FORMATS } from '../quant/registry';
import { runBlockKernel } from './block-kernel';
import { BufferPool } from './buffer-pool';
import type { ShaderSource } from './compose-shader';
import type { GpuSession } from './gpu-session';
import { PipelineCache } from './pipeline-cache';
import type { BlockType } from './shader-variant';

/**
 * Decodes weight blocks on the device with the very functions that GET_ROWS and MUL_MAT use. Its buffers live as long as
 * the session.
 */
export class BlockDecoder {
  private readonly pipelines: PipelineCache;
  private readonly pool: BufferPool;

  constructor(
    private readonly session: GpuSession,
    shaders: ShaderSource,
  ) {
    this.pipelines = new PipelineCache(session, shaders);
    this.pool = new BufferPool(session);
  }

  /**
   * @param bytes whole blocks, one after another
   * @returns blocks × elements per block values, as the device stored them. Subnormal results may be flushed to zero.
   */
  async decode(format: BlockType, bytes: Uint8Array): Promise<Float32Array<ArrayBuffer>> {
    const { blockBytes, blockElements } = QUANT_FORMATS[format];
    const blocks = bytes.length / blockBytes;
    assert(Number.isInteger(blocks), `${bytes.length} bytes are no whole number of ${format} blocks of ${blockBytes}`);
    if (blocks === 0) return new Float32Array(0);
    const kernel = await this.pipelines.get({ op: 'decode', quant: format });
    const elements = blocks * blockElements;
    const work = { bytes, blocks, elements, dstBytes: 4 * elements, label: `decode ${format}` };
    return new Float32Array((await runBlockKernel(this.session, this.pool, kernel, work)).buffer);
  }
}
