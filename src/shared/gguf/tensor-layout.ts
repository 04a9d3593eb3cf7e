import { ggmlTypeName } from '../quant/ggml-type';
import type { Findings } from './findings';
import { quoted } from './text';
import { tensorSize } from './tensor-directory';
import type { GgufTensor, TensorInfo } from './tensor-directory';

/** Where the data section lies. */
export interface DataSection {
  readonly dataOffset: number;
  readonly alignment: number;
  readonly fileSize: number;
  readonly shard: number;
}

/** Turns directory entries into tensors and checks where their data lie. */
export function placeTensors(infos: readonly TensorInfo[], section: DataSection, findings: Findings): GgufTensor[] {
  const tensors = infos.map((info) => placeTensor(info, section, findings));
  checkContiguity(tensors, section, findings);
  checkOverlap(tensors, findings);
  checkEnd(tensors, section, findings);
  return tensors;
}

export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function placeTensor(info: TensorInfo, section: DataSection, findings: Findings): GgufTensor {
  const { name, typeId, ne, dims, relativeOffset, infoOffset } = info;
  const { dataOffset, alignment, fileSize, shard } = section;
  const offset = dataOffset + relativeOffset;
  const size = tensorSize(typeId, ne);
  const byteLength = size.ok ? size.byteLength : undefined;
  const plain = { name, typeId, type: ggmlTypeName(typeId), ne, dims, offset, byteLength, infoOffset, shard };

  if (relativeOffset % alignment !== 0) {
    const message = `data offset ${relativeOffset} is not a multiple of the alignment ${alignment}`;
    findings.add('error', 'unaligned-offset', infoOffset, message, name);
  }
  if (!size.ok) {
    findings.add('error', size.code, infoOffset, size.message, name);
    return { ...plain, problem: size.message };
  }
  if (size.byteLength === 0)
    findings.add('warning', 'empty-tensor', infoOffset, `shape ${ne.join('×')} is empty`, name);
  const end = offset + size.byteLength;
  if (!Number.isSafeInteger(end)) {
    const message = `data offset ${relativeOffset} is beyond any file`;
    findings.add('error', 'overflow', infoOffset, message, name);
    return { ...plain, problem: message };
  }
  if (end > fileSize) {
    const message = `data lie at bytes ${offset}…${end - 1}, the file has ${fileSize} bytes`;
    findings.add('error', 'outside-file', infoOffset, message, name);
    return { ...plain, problem: message };
  }
  return plain;
}

/** llama.cpp takes only data that follow each other in directory order (gguf_init_from_reader). */
function checkContiguity(tensors: readonly GgufTensor[], section: DataSection, findings: Findings): void {
  let expected = section.dataOffset;
  for (const { name, offset, byteLength, infoOffset } of tensors) {
    if (byteLength === undefined) return;
    if (offset !== expected) {
      const message = `data start at byte ${offset}, expected ${expected} after the tensor before; llama.cpp refuses the file`;
      findings.add('error', 'not-contiguous', infoOffset, message, name);
    }
    expected = alignUp(offset + byteLength, section.alignment);
  }
}

function checkOverlap(tensors: readonly GgufTensor[], findings: Findings): void {
  const placed = tensors.filter((t) => t.byteLength !== undefined && t.byteLength > 0);
  placed.sort((a, b) => a.offset - b.offset);
  let before: GgufTensor | undefined;
  for (const tensor of placed) {
    if (before !== undefined && endOf(before) > tensor.offset) {
      const message = `data start at byte ${tensor.offset}, inside those of ${quoted(before.name)} (${before.offset}…${endOf(before) - 1})`;
      findings.add('error', 'overlap', tensor.infoOffset, message, tensor.name);
    }
    if (before === undefined || endOf(tensor) > endOf(before)) before = tensor;
  }
}

/** Bytes behind the last tensor; padding up to the alignment is no surplus. */
function checkEnd(tensors: readonly GgufTensor[], section: DataSection, findings: Findings): void {
  if (tensors.some((t) => t.byteLength === undefined)) return;
  const end = tensors.reduce((max, t) => Math.max(max, endOf(t)), section.dataOffset);
  const surplus = section.fileSize - alignUp(end, section.alignment);
  if (surplus > 0) {
    const message = `${surplus} bytes follow the last tensor, expected the file to end at byte ${alignUp(end, section.alignment)}`;
    findings.add('warning', 'trailing-bytes', end, message);
  }
}

function endOf(tensor: GgufTensor): number {
  return tensor.offset + (tensor.byteLength ?? 0);
}
