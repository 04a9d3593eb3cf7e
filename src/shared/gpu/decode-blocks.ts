import { assert } from '../base/assert';
import type { ShaderSource } from './compose-shader';
import { Batch } from './batch';
import { BufferPool } from './buffer-pool';
import { bindings } from './dispatch-call';
import type { GpuSession } from './gpu-session';
import { perElement } from './kernel-call';
import { PipelineCache } from './pipeline-cache';
import { QUANT_FORMATS } from '../quant/registry';
import type { BlockType } from './shader-variant';
import { packStruct } from './wgsl-struct';

/** Least GROUP of all quant shaders: one invocation decodes at least as many elements. */
const LEAST_GROUP = 16;

/** Decodes weight blocks on the device with the very functions that GET_ROWS and MUL_MAT use. */
export class BlockDecoder {
  private readonly pipelines: PipelineCache;

  constructor(
    private readonly session: GpuSession,
    shaders: ShaderSource,
  ) {
    this.pipelines = new PipelineCache(session, shaders);
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
    const pool = new BufferPool(this.session);
    const elements = blocks * blockElements;
    let decoded: Float32Array<ArrayBuffer> | undefined;
    try {
      const src0 = pool.take(bytes.length, `${format} blocks`);
      const dst = pool.take(4 * elements, `decoded ${format} blocks`);
      const batch = new Batch(this.session);
      batch.upload(bytes, src0, 0);
      const params = new Uint8Array(kernel.shader.params.size);
      packStruct(kernel.shader.params, { blocks }, new DataView(params.buffer));
      const ranges = {
        params: batch.uniform(params),
        src0: { buffer: src0, offset: 0, size: src0.size },
        dst: { buffer: dst, offset: 0, size: dst.size },
      };
      const label = `decode ${format}`;
      batch.dispatch(
        label,
        kernel.pipeline,
        bindings(kernel, ranges, label),
        perElement(Math.ceil(elements / LEAST_GROUP)),
      );
      batch.readback(dst, 0, 4 * elements, (data) => (decoded = new Float32Array(data.buffer)));
      await batch.submit(label);
    } finally {
      pool.dispose();
    }
    assert(decoded, 'the batch ran but delivered nothing');
    return decoded;
  }
}
