/**
 * What the parser refuses before it allocates. Counts are also checked against the bytes left in the file, so a small
 * hostile file never costs more than its size.
 */

/** Largest models have some ten thousand tensors. */
export const MAX_TENSORS = 1 << 20;
/** Files have some dozens of keys; the rest would be a parser reading noise. */
export const MAX_METADATA_ENTRIES = 1 << 16;
/** GGUF specification: a key is at most 2¹⁶ − 1 bytes. llama.cpp takes longer ones. */
export const MAX_KEY_BYTES = 65_535;
/** Longest key that is read at all. */
export const MAX_READ_KEY_BYTES = 1 << 20;
/** `GGUF_MAX_STRING_LENGTH` of llama.cpp. */
export const MAX_STRING_BYTES = 2 ** 30;
/** So much of a string becomes a JavaScript string, which V8 caps at 512 MiB; chat templates have some kilobytes. */
export const MAX_KEPT_STRING_BYTES = 64 << 20;
/** `GGUF_MAX_ARRAY_ELEMENTS` of llama.cpp; vocabularies have some hundred thousand. */
export const MAX_ARRAY_ELEMENTS = 2 ** 30;
/** Arrays of arrays are allowed by the specification, used by nobody, and read by recursion. */
export const MAX_ARRAY_DEPTH = 4;
/** `GGML_MAX_DIMS`. */
export const MAX_DIMS = 4;
/** `GGML_MAX_NAME`, 64 bytes with the closing zero. */
export const MAX_TENSOR_NAME_BYTES = 63;
/** Longest name that is read at all, so that an absurd one is a finding and not an allocation. */
export const MAX_READ_NAME_BYTES = MAX_KEY_BYTES;
/** A file with more findings than this is rubbish; the rest is only counted. */
export const MAX_FINDINGS = 1000;
/** `GGUF_DEFAULT_ALIGNMENT`. */
export const DEFAULT_ALIGNMENT = 32;
/** split.count is a u16, and the file name has five digits. */
export const MAX_SHARDS = 65_535;

/** Least bytes of one tensor's directory entry: name length, n_dims, type, offset. */
export const MIN_TENSOR_INFO_BYTES = 8 + 4 + 4 + 8;
/** Least bytes of one metadata entry: key length, value type, one byte of value. */
export const MIN_METADATA_ENTRY_BYTES = 8 + 4 + 1;
