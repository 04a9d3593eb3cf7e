/**
 * The real libggml-base of the llama.cpp that the project ships, over koffi: the judge of decoders and of the GGUF
 * parser. Tests that need it skip by name where the platform's package is not installed.
 */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import koffi from 'koffi';

type Native = (...args: unknown[]) => unknown;

const PLATFORM_PACKAGES = ['linux-x64', 'linux-arm64', 'mac-arm64-metal', 'mac-x64', 'win-x64'];
const LIBRARY_NAMES = ['libggml-base.so', 'libggml-base.dylib', 'ggml-base.dll'];

/** Path of libggml-base for this platform, or undefined where no package is installed. */
export function ggmlBasePath(): string | undefined {
  const require = createRequire(import.meta.url);
  for (const platform of PLATFORM_PACKAGES) {
    const root = (require.resolve.paths('@node-llama-cpp') ?? [])
      .map((dir) => join(dir, '@node-llama-cpp', platform, 'bins'))
      .find((dir) => existsSync(dir));
    if (root === undefined) continue;
    for (const bin of readdirSync(root)) {
      const found = LIBRARY_NAMES.map((name) => join(root, bin, name)).find((path) => existsSync(path));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** One bound C function, with its prototype in koffi's C syntax. */
export type Bind = (prototype: string) => Native;

/** Loads the library once; `bind` declares a function of it. Undefined where it is not installed. */
export function loadGgmlBase(): Bind | undefined {
  const path = ggmlBasePath();
  if (path === undefined) return undefined;
  const library = koffi.load(path);
  return (prototype) => library.func(prototype);
}

/** Name of ggml's function that decodes a type into f32. */
export function rowDecoderName(type: string): string {
  if (type === 'F16') return 'ggml_fp16_to_fp32_row';
  if (type === 'BF16') return 'ggml_bf16_to_fp32_row';
  return `dequantize_row_${type.endsWith('_K') ? `q${type.slice(1)}` : type.toLowerCase()}`;
}

/** Decodes `elements` values with the C function; `src` holds whole blocks. */
export function ggmlRowDecoder(bind: Bind, type: string): (src: Uint8Array, dst: Float32Array) => void {
  const decode = bind(`void ${rowDecoderName(type)}(const void *x, void *y, int64_t k)`);
  return (src, dst) => {
    decode(src, dst, dst.length);
  };
}

/** A GGUF header as the library reads it. */
export interface LibraryGguf {
  readonly version: number;
  readonly alignment: number;
  readonly dataOffset: number;
  readonly entries: readonly {
    readonly key: string;
    /** `u32`, `str`, `arr` …, as the library names types. */
    readonly type: string;
    readonly elementType: string | undefined;
    readonly length: number | undefined;
    /** Of scalars, as the library returns them; undefined for arrays. */
    readonly value: unknown;
    /** Of arrays of strings. */
    readonly strings: ((index: number) => string) | undefined;
  }[];
  readonly tensors: readonly {
    readonly name: string;
    readonly typeId: number;
    readonly offset: number;
    readonly bytes: number;
  }[];
}

const C_TYPES: Readonly<Record<string, string>> = {
  u8: 'uint8_t',
  i8: 'int8_t',
  u16: 'uint16_t',
  i16: 'int16_t',
  u32: 'uint32_t',
  i32: 'int32_t',
  f32: 'float',
  u64: 'uint64_t',
  i64: 'int64_t',
  f64: 'double',
  bool: 'bool',
  str: 'const char *',
};

/** Reads headers with the library's own parser; undefined where the library refuses the file. */
export function ggufReader(bind: Bind): (path: string) => LibraryGguf | undefined {
  const silent = koffi.register(
    () => undefined,
    koffi.pointer(koffi.proto('void ggml_log(int, const char *, void *)')),
  );
  bind('void ggml_log_set(ggml_log *, void *)')(silent, null);
  koffi.struct('gguf_init_params', { no_alloc: 'bool', ctx: 'void *' });
  const init = bind('uintptr_t gguf_init_from_file(const char *, gguf_init_params)');
  const call = (name: string, result: string, ...parameters: string[]): Native =>
    bind(`${result} ${name}(${['uintptr_t', ...parameters].join(', ')})`);
  const free = call('gguf_free', 'void');
  const count = { kv: call('gguf_get_n_kv', 'int64_t'), tensors: call('gguf_get_n_tensors', 'int64_t') };
  const key = call('gguf_get_key', 'const char *', 'int64_t');
  const kvType = call('gguf_get_kv_type', 'int', 'int64_t');
  const arrayType = call('gguf_get_arr_type', 'int', 'int64_t');
  const arrayLength = call('gguf_get_arr_n', 'size_t', 'int64_t');
  const arrayString = call('gguf_get_arr_str', 'const char *', 'int64_t', 'size_t');
  const typeName = bind('const char *gguf_type_name(int)');
  const scalar = Object.fromEntries(
    Object.entries(C_TYPES).map(([name, c]) => [name, call(`gguf_get_val_${name}`, c, 'int64_t')]),
  );
  const header = {
    version: call('gguf_get_version', 'uint32_t'),
    alignment: call('gguf_get_alignment', 'size_t'),
    dataOffset: call('gguf_get_data_offset', 'size_t'),
  };
  const tensorName = call('gguf_get_tensor_name', 'const char *', 'int64_t');
  const tensorType = call('gguf_get_tensor_type', 'int', 'int64_t');
  const tensorOffset = call('gguf_get_tensor_offset', 'size_t', 'int64_t');
  const tensorSize = call('gguf_get_tensor_size', 'size_t', 'int64_t');

  const range = (n: unknown): number[] => Array.from({ length: Number(n) }, (_, i) => i);
  const entry = (ctx: unknown, i: number): LibraryGguf['entries'][number] => {
    const type = typeName(kvType(ctx, i)) as string;
    const common = { key: key(ctx, i) as string, type };
    if (type !== 'arr') {
      return {
        ...common,
        elementType: undefined,
        length: undefined,
        value: scalar[type]?.(ctx, i),
        strings: undefined,
      };
    }
    const elementType = typeName(arrayType(ctx, i)) as string;
    const all = elementType === 'str' ? range(arrayLength(ctx, i)).map((j) => arrayString(ctx, i, j) as string) : [];
    const strings = elementType === 'str' ? (index: number): string => all[index] as string : undefined;
    return { ...common, elementType, length: Number(arrayLength(ctx, i)), value: undefined, strings };
  };

  return (path) => {
    const ctx = init(path, { no_alloc: true, ctx: null });
    if (Number(ctx) === 0) return undefined;
    const read = {
      version: Number(header.version(ctx)),
      alignment: Number(header.alignment(ctx)),
      dataOffset: Number(header.dataOffset(ctx)),
      entries: range(count.kv(ctx)).map((i) => entry(ctx, i)),
      tensors: range(count.tensors(ctx)).map((i) => ({
        name: tensorName(ctx, i) as string,
        typeId: Number(tensorType(ctx, i)),
        offset: Number(tensorOffset(ctx, i)),
        bytes: Number(tensorSize(ctx, i)),
      })),
    };
    free(ctx);
    return read;
  };
}
