import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { GgmlType } from '../../shared/quant/ggml-type';
import type { LibraryFiles } from './library-files';
import { openLibrary } from './llama-library';

/** Decodes the first `values` values of whole blocks in `src` into `dst`. Neither length is checked. */
export type RowDecode = (src: Uint8Array, dst: Float32Array, values: number) => void;

/** The library's own decoders, by type; a type that it cannot decode has none. */
export type RowDecoders = Partial<Record<GgmlTypeName, RowDecode>>;

/** F32 has no function: its bytes are the values, in ggml as here. */
const copyF32: RowDecode = (src, dst, values) => {
  new Uint8Array(dst.buffer, dst.byteOffset, 4 * values).set(src.subarray(0, 4 * values));
};

/** Name of the function of ggml-base that decodes a type into f32, where there is one. */
export function rowDecoderName(type: GgmlTypeName): string {
  if (type === 'F16') return 'ggml_fp16_to_fp32_row';
  if (type === 'BF16') return 'ggml_bf16_to_fp32_row';
  return `dequantize_row_${type.endsWith('_K') ? `q${type.slice(1)}` : type.toLowerCase()}`;
}

/** Binds `dequantize_row_*` of libggml-base. Throws QuarrelError where the library cannot be loaded. */
export function loadRowDecoders(files: LibraryFiles): RowDecoders {
  const library = openLibrary(files.ggmlBase);
  const decoders: RowDecoders = { F32: copyF32 };
  for (const type of Object.keys(GgmlType) as GgmlTypeName[]) {
    const decode = bindDecoder(library, rowDecoderName(type));
    if (decode) decoders[type] = decode;
  }
  return decoders;
}

function bindDecoder(library: ReturnType<typeof openLibrary>, name: string): RowDecode | undefined {
  try {
    return library.func(name, 'void', ['const void *', 'void *', 'int64_t']) as RowDecode;
  } catch {
    return undefined; // plain numbers, and Q8_1, which ggml only multiplies with
  }
}
