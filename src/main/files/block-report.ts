import { describeBlock, placeBlock } from '../../shared/quant/block-report';
import type { BlockContent, BlockPlace } from '../../shared/quant/block-report';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { QUANT_FORMATS } from '../../shared/quant/registry';
import type { ModelFile } from './model-file';
import type { ModelTensor } from './model-tensor';

/** What `quarrel block --json` prints and the block inspector shows. */
export interface BlockReport extends BlockContent, BlockPlace {
  readonly schema: 'quarrel.block/1';
  readonly model: string;
  /** File that holds the block: a shard of a split model. */
  readonly path: string;
  readonly tensor: string;
  readonly type: GgmlTypeName;
  readonly ne: readonly number[];
  /** Blocks of the tensor. */
  readonly blocks: number;
  readonly blockBytes: number;
  /** First byte of the block in the file. */
  readonly fileOffset: number;
}

/** One block of a tensor, taken apart. Throws QuarrelError where tensor or block do not exist. */
export function blockReport(model: ModelFile, tensorName: string, index: number): BlockReport {
  const tensor = model.requireTensor(tensorName);
  const place = placeBlock(tensor, index);
  const { name, type, ne, byteLength, fileOffset, path } = tensor;
  const { blockBytes } = QUANT_FORMATS[type];
  return {
    schema: 'quarrel.block/1',
    model: model.path,
    path,
    tensor: name,
    type,
    ne: [...ne],
    blocks: byteLength / blockBytes,
    blockBytes,
    fileOffset: fileOffset + place.offsetInTensor,
    ...place,
    ...describeBlock(type, readBlock(tensor, place.offsetInTensor, blockBytes)),
  };
}

/** The bytes of one block, as `quarrel block --out` saves them. Throws QuarrelError like `blockReport`. */
export function blockBytes(model: ModelFile, tensorName: string, index: number): Uint8Array<ArrayBuffer> {
  const tensor = model.requireTensor(tensorName);
  const { offsetInTensor } = placeBlock(tensor, index);
  return readBlock(tensor, offsetInTensor, QUANT_FORMATS[tensor.type].blockBytes);
}

function readBlock(tensor: ModelTensor, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(length);
  tensor.copyInto(offset, length, block, 0);
  return block;
}
