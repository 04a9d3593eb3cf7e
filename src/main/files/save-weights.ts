import { QuarrelError } from '../../shared/base/errors';
import type { JobControl } from '../../shared/base/progress';
import type { Dims } from '../../shared/graph/graph';
import type { SavedWeights, WeightsPart } from '../../shared/ipc/jobs';
import { placeBlock } from '../../shared/quant/block-report';
import { QUANT_FORMATS, rowBytes, supportedFormat } from '../../shared/quant/registry';
import { npyHeader } from '../../shared/trace/npy';
import { encodeHeader, shapeOfNe } from '../../shared/trace/safetensors';
import type { ModelFile } from './model-file';
import type { ModelTensor } from './model-tensor';
import { ReadFiles } from './outputs';
import { PartFile } from './part-file';
import { yieldToEvents } from '../yield-to-events';

export type WeightsFormat = 'bin' | 'npy' | 'safetensors';

/** Encoded bytes read at a time. Decoded they are at most 29 times as many (Q1_0): memory stays flat. */
const WINDOW_BYTES = 1 << 18;

/** A run of whole blocks of a tensor. */
interface Stretch {
  readonly tensor: ModelTensor;
  /** First byte in the tensor. */
  readonly offset: number;
  readonly byteLength: number;
  /** Of the values, outermost dimension first. */
  readonly shape: readonly number[];
  /** What it is, for provenance and messages. */
  readonly title: string;
}

/**
 * The format that a file's name asks for. A block of any other name is saved as bytes.
 * Throws QuarrelError that names what is expected.
 */
export function weightsFormat(path: string, part: WeightsPart): WeightsFormat {
  const end = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase();
  if (end === 'npy' || end === 'safetensors' || end === 'bin') return end;
  if (part === 'block') return 'bin';
  throw new QuarrelError(
    `${path}: a name that ends in .npy, .safetensors (f32 values) or .bin (encoded bytes) is expected`,
  );
}

/**
 * Saves a block, the row it lies in, or the tensor: read, decoded and written window by window, put in place at the end.
 * @param index of the block
 * Throws QuarrelError (no such tensor or block, no decoder, disk full) and CancelledError; nothing is left then.
 */
export async function saveWeights(
  model: ModelFile,
  {
    tensor: name,
    index,
    part,
    path,
  }: { readonly tensor: string; readonly index: number; readonly part: WeightsPart; readonly path: string },
  control: JobControl,
): Promise<SavedWeights> {
  new ReadFiles(model.files).requireNot(path);
  const format = weightsFormat(path, part);
  const stretch = stretchOf(model.requireTensor(name), index, part);
  const decode = format === 'bin' ? undefined : valuesOf(stretch.tensor);
  const file = PartFile.create(path);
  try {
    if (format !== 'bin') file.write(headerOf(format, stretch, model.path));
    await stream(stretch, control, (window) => file.write(decode ? decode(window) : window));
    return { path, bytes: file.commit(), shape: decode ? stretch.shape : null };
  } finally {
    file.dispose();
  }
}

function stretchOf(tensor: ModelTensor, index: number, part: WeightsPart): Stretch {
  const { type, ne, byteLength, name } = tensor;
  if (part === 'tensor') return { tensor, offset: 0, byteLength, shape: shapeOfNe(ne), title: name };
  const { row, offsetInTensor, elements } = placeBlock(tensor, index);
  if (part === 'block') {
    const { blockBytes } = QUANT_FORMATS[type];
    return {
      tensor,
      offset: offsetInTensor,
      byteLength: blockBytes,
      shape: [elements],
      title: `${name} block ${index}`,
    };
  }
  const bytes = rowBytes(type, ne[0]);
  return { tensor, offset: row * bytes, byteLength: bytes, shape: shapeOfNe(oneRow(ne)), title: `${name} row ${row}` };
}

const oneRow = ([width]: Dims): Dims => [width, 1, 1, 1];

function headerOf(format: 'npy' | 'safetensors', { tensor, shape, title }: Stretch, model: string): Uint8Array {
  if (format === 'npy') return npyHeader(shape);
  const end = 4 * shape.reduce((product, n) => product * n, 1);
  const metadata = { model, part: title, type: tensor.type };
  return encodeHeader(metadata, [{ key: tensor.name, dtype: 'F32', shape, begin: 0, end }]);
}

/** Decodes windows of whole blocks with the scalar reference; the memory that it returns is used again. */
function valuesOf({ type }: ModelTensor): (window: Uint8Array) => Uint8Array {
  const { blockBytes, blockElements, dequantize } = supportedFormat(type);
  let values = new Float32Array(0);
  return (window) => {
    const blocks = window.length / blockBytes;
    if (values.length < blocks * blockElements) values = new Float32Array(blocks * blockElements);
    dequantize(window, 0, blocks, values, 0);
    return new Uint8Array(values.buffer, 0, 4 * blocks * blockElements);
  };
}

async function stream(
  { tensor, offset, byteLength, title }: Stretch,
  control: JobControl,
  take: (window: Uint8Array) => void,
): Promise<void> {
  const { blockBytes } = QUANT_FORMATS[tensor.type];
  const buffer = new Uint8Array(Math.min(byteLength, Math.max(1, Math.floor(WINDOW_BYTES / blockBytes)) * blockBytes));
  for (let done = 0; done < byteLength;) {
    control.throwIfCancelled();
    const length = Math.min(buffer.length, byteLength - done);
    tensor.readInto(offset + done, length, buffer, 0);
    take(buffer.subarray(0, length));
    done += length;
    control.progress({ stage: 'save', done, total: byteLength, detail: title });
    await yieldToEvents();
  }
}
