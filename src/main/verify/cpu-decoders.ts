import { assert } from '../../shared/base/assert';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { QUANT_FORMATS, supportedFormat } from '../../shared/quant/registry';
import { locateLibrary } from '../capture/library-files';
import { loadRowDecoders } from '../capture/row-decoders';
import { DecodeMemory } from '../dequant/decode-memory';
import { WasmDecoder } from '../dequant/wasm-decoder';
import type { CpuLane } from './tile';

/** A decoder that runs in the calling thread. */
export interface CpuDecoder {
  /** Why it has no decoder for a type; undefined where it has one. */
  readonly missing: (type: GgmlTypeName) => string | undefined;
  /** Decodes `blocks` whole blocks from the start of `src` to the start of `dst`. */
  decode(type: GgmlTypeName, src: Uint8Array, blocks: number, dst: Float32Array): void;
}

/** Opens a lane's decoder in this thread. Throws QuarrelError where it cannot run here (library or bundle missing). */
export function openCpuDecoder(lane: CpuLane): CpuDecoder {
  switch (lane) {
    case 'scalar':
      return scalarDecoder;
    case 'llama':
      return llamaDecoder();
    case 'wasm':
      return wasmDecoder();
  }
}

const scalarDecoder: CpuDecoder = {
  missing(type) {
    const format = QUANT_FORMATS[type];
    return format.status === 'unsupported' ? format.reason : undefined;
  },
  decode(type, src, blocks, dst) {
    supportedFormat(type).dequantize(src, 0, blocks, dst, 0);
  },
};

/**
 * The judge. An assertion in the library would end the process; the only ones in its decoders are about whole blocks,
 * and the library reads and writes no more than they say, so both sides are checked before each call.
 */
function llamaDecoder(): CpuDecoder {
  const decoders = loadRowDecoders(locateLibrary());
  return {
    missing: (type) => (decoders[type] ? undefined : `llama.cpp has no decoder of ${type}`),
    decode(type, src, blocks, dst) {
      const { blockBytes, blockElements } = QUANT_FORMATS[type];
      const decode = decoders[type];
      assert(decode, `llama.cpp has no decoder of ${type}`);
      assert(Number.isInteger(blocks) && blocks >= 0, `${blocks} blocks`);
      assert(src.length >= blocks * blockBytes && dst.length >= blocks * blockElements, `${blocks} blocks do not fit`);
      decode(src, dst, blocks * blockElements);
    },
  };
}

/** Values that go through the WASM memory at a time. */
const WASM_SLOT_VALUES = 1 << 14;

function wasmDecoder(): CpuDecoder {
  const memory = new DecodeMemory();
  const decoder = new WasmDecoder(memory.handle());
  const slot = memory.lease(WASM_SLOT_VALUES);
  return {
    missing: scalarDecoder.missing,
    decode(type, src, blocks, dst) {
      decoder.dequantize(type, slot)(src, 0, blocks, dst, 0);
    },
  };
}
