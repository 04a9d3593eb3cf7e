import { describeBlock, placeBlock } from '../../shared/quant/block-report';
import type { BlockReport } from '../../shared/quant/block-report';
import { QUANT_FORMATS } from '../../shared/quant/registry';
import type { ModelFile } from './model-file';
import type { ModelTensor } from './model-tensor';

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
