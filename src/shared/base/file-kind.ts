/** What a file is that is not what was asked for, told by its first bytes. */

/** As many of the first bytes as `fileKind` looks at. */
export const KIND_BYTES = 256;

export interface FileKind {
  /** With its article: "a NumPy array (.npy)". */
  readonly name: string;
  /** What can be done, whatever was expected. */
  readonly help?: string;
  /** What may be in it, in another format: a whole model, or tensors. */
  readonly holds?: 'model' | 'tensors';
}

export const SAFETENSORS: FileKind = { name: 'a safetensors file', holds: 'model' };

const UNPACK = 'unpack it first';
const OLD_GGML = 'a model in a format that llama.cpp has given up for GGUF';

/** Text with which files begin, as Latin-1; the first that fits counts. */
const BEGINNINGS: readonly (readonly [begin: string, kind: FileKind])[] = [
  ['GGUF', { name: 'a GGUF model' }],
  [
    'version https://git-lfs',
    { name: 'a Git LFS pointer, not the file that it stands for', help: '"git lfs pull" fetches that' },
  ],
  ['tjgg', { name: `${OLD_GGML} (GGJT)`, help: 'get it as GGUF, or convert it with a llama.cpp of that time' }],
  ['fmgg', { name: `${OLD_GGML} (GGMF)`, help: 'get it as GGUF, or convert it with a llama.cpp of that time' }],
  ['lmgg', { name: 'a file of ggml without GGUF (whisper.cpp, or a model of 2023)' }],
  ['algg', { name: 'a LoRA adapter in a format that llama.cpp has given up for GGUF' }],
  ['\x1f\x8b', { name: 'gzip-compressed', help: UNPACK }],
  ['\x28\xb5\x2f\xfd', { name: 'zstd-compressed', help: UNPACK }],
  ['\xfd7zXZ\0', { name: 'xz-compressed', help: UNPACK }],
  ['BZh', { name: 'bzip2-compressed', help: UNPACK }],
  ['7z\xbc\xaf\x27\x1c', { name: 'a 7z archive', help: UNPACK }],
  ['\x93NUMPY', { name: 'a NumPy array (.npy)', holds: 'tensors' }],
  ['\x89HDF\r\n\x1a\n', { name: 'an HDF5 file', holds: 'tensors' }],
  ['\x80\x02\x8a\x0al\xfc\x9cF', { name: 'a PyTorch file (.pt, before 1.6)', holds: 'model' }],
  ['\x80', { name: 'a Python pickle', holds: 'tensors' }],
];

/** @param head the first KIND_BYTES of the file, or all of it */
export function fileKind(head: Uint8Array): FileKind | undefined {
  const text = String.fromCharCode(...head.subarray(0, KIND_BYTES));
  if (head.length > 0 && head.every((byte) => byte === 0)) {
    return { name: 'zeros from the first byte on', help: 'was the download interrupted?' };
  }
  if (text.startsWith('PK\x03\x04')) return zipKind(text);
  const found = BEGINNINGS.find(([begin]) => text.startsWith(begin));
  if (found) return found[1];
  // A length of some megabytes at most, and then the header's JSON.
  if (head.length > 8 && text.slice(4, 8) === '\0\0\0\0' && text[8] === '{') {
    return SAFETENSORS;
  }
  return textKind(text.trimStart());
}

/** By the name of its first entry: NumPy and PyTorch write archives. */
function zipKind(text: string): FileKind {
  const name = text.slice(30, 30 + text.charCodeAt(26));
  if (name.endsWith('.npy')) return { name: 'NumPy arrays (.npz)', holds: 'tensors' };
  if (/\/(data\.pkl|version|\.format_version|byteorder)$/.test(name))
    return { name: 'a PyTorch file (.pt)', holds: 'model' };
  return { name: 'a zip archive', help: UNPACK };
}

function textKind(text: string): FileKind | undefined {
  if (/^<(!doctype|html|head|\?xml|!--)/i.test(text)) {
    return { name: 'a web page', help: 'the server has answered with a page (a login, an error) instead of the file' };
  }
  if (/^[{[]/.test(text)) return { name: 'JSON', holds: 'tensors' };

  return text.length > 0 && !/[^\t\n\r\x20-\x7e]/.test(text) ? { name: 'plain text' } : undefined;
}
