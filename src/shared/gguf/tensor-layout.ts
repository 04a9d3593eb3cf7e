import { ggmlTypeName } from '../quant/ggml-type';
import type { Endian } from './cursor';
import { QUANT_FORMATS } from '../quant/registry';
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
  readonly endian: Endian;
}

/** Turns directory entries into tensors and checks where their data lie. */
export function placeTensors(infos: readonly TensorInfo[], section: DataSection, findings: Findings): GgufTensor[] {
  const outside: Outside[] = [];
  const tensors = infos.map((info) => placeTensor(info, section, findings, outside));
  reportOutside(outside, section, findings);
  checkContiguity(tensors, section, findings);
  checkOverlap(tensors, findings);
  checkEnd(tensors, section, findings);
  return tensors;
}

export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** A tensor whose data the file does not hold to their end. */
interface Outside {
  readonly info: TensorInfo;
  readonly message: string;
  readonly end: number;
}

/** One finding for a file that was cut, however many tensors that hits. */
function reportOutside(outside: readonly Outside[], { fileSize }: DataSection, findings: Findings): void {
  const [first] = outside;
  if (!first) return;
  const { name, infoOffset } = first.info;
  if (outside.length === 1) return findings.add('error', 'outside-file', infoOffset, first.message, name);
  const end = outside.reduce((most, o) => Math.max(most, o.end), 0);
  const message =
    `the file ends at byte ${fileSize} of ${end}: the data of ${outside.length} tensors are not all there, ` +
    `from ${quoted(name)} on; was the download interrupted?`;
  findings.add('error', 'outside-file', fileSize, message, name);
}

function placeTensor(info: TensorInfo, section: DataSection, findings: Findings, outside: Outside[]): GgufTensor {
  const { name, typeId, ne, dims, relativeOffset, infoOffset, shapeText, offsetText } = info;
  const { dataOffset, alignment, fileSize, shard } = section;
  const offset = dataOffset + relativeOffset;
  const size = tensorSize(info);
  const byteLength = size.ok ? size.byteLength : undefined;
  const plain = { name, typeId, type: ggmlTypeName(typeId), ne, dims, offset, byteLength, infoOffset, shard };

  if (relativeOffset % alignment !== 0) {
    const message = `data offset ${offsetText} is not a multiple of the alignment ${alignment}`;
    findings.add('error', 'unaligned-offset', infoOffset, message, name);
  }
  if (!size.ok) {
    findings.add('error', size.code, infoOffset, size.message, name);
    return { ...plain, problem: size.message };
  }
  if (size.byteLength === 0) findings.add('warning', 'empty-tensor', infoOffset, `shape ${shapeText} is empty`, name);
  const end = offset + size.byteLength;
  if (!Number.isSafeInteger(end)) {
    const message = `data offset ${offsetText} is beyond any file`;
    findings.add('error', 'overflow', infoOffset, message, name);
    return { ...plain, problem: message };
  }
  if (end > fileSize) {
    const message = `data lie at bytes ${offset}…${end - 1}, the file has ${fileSize} bytes`;
    outside.push({ info, message, end });
    return { ...plain, problem: message };
  }
  if (section.endian === 'big' && plain.type && QUANT_FORMATS[plain.type].blockElements > 1) {
    return { ...plain, problem: `${plain.type} blocks of big-endian files are not decoded` };
  }
  return plain;
}

/** llama.cpp takes only data that follow each other in directory order (gguf_init_from_reader). */
function checkContiguity(tensors: readonly GgufTensor[], section: DataSection, findings: Findings): void {
  let expected = section.dataOffset;
  for (const { name, offset, byteLength, infoOffset } of tensors) {
    // A size or place that nobody knows was said already.
    if (byteLength === undefined || !Number.isSafeInteger(offset)) return;
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
