import koffi from 'koffi';
import { QuarrelError } from '../../shared/base/errors';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { locateLibrary } from '../capture/library-files';
import { openLibrary } from '../capture/llama-library';
import { rowDecoderName } from '../capture/row-decoders';

/** Decodes `elements` values from one address of this process to another: nothing is converted on the way. */
export type CDecoder = (src: bigint, dst: bigint, elements: number) => void;

/** The library's decoder of a type. Throws QuarrelError where it has none. */
export function bindCDecoder(type: GgmlTypeName): CDecoder {
  const { ggmlBase } = locateLibrary();
  try {
    return openLibrary(ggmlBase).func(rowDecoderName(type), 'void', ['uintptr_t', 'uintptr_t', 'int64_t']) as CDecoder;
  } catch {
    throw new QuarrelError(`${ggmlBase} has no ${rowDecoderName(type)}: nothing to measure ${type} against`);
  }
}

/** Where the first element of an array lies; good as long as the array lives and does not move (shared memory never does). */
export function addressOf(values: Float32Array<SharedArrayBuffer> | Uint8Array<SharedArrayBuffer>): bigint {
  return koffi.address(values);
}
