import type { WeightTensor } from '../../../gguf/model-source';
import { QUANT_FORMATS, rowBytes } from '../../../quant/registry';
import type { Hypothesis, Parameters, Variant } from '../../hypothesis';
import { channelsLookLike, passingOver, resultLooksLike } from './channels';
import { dataOf, evaluateWith, wholeWeightOf, withBytes, withRows } from './weight-site';
import type { Site } from '../../site';

/** GGUF's default alignment; a data section or tensor found without it is off by less. */
const ALIGNMENT = 32;

/**
 * The node computed on changed data.
 * @param isUnknown whether a row of the changed data reaches out of the tensor
 */
function reading(
  label: string,
  parameters: Parameters,
  change: (data: WeightTensor) => WeightTensor,
  isUnknown: (row: number) => boolean = () => false,
): Variant {
  return {
    label,
    parameters,
    predict: (site) => {
      const weight = wholeWeightOf(site);
      if (!weight) return site.right;
      return passingOver(site, evaluateWith(site, change(dataOf(site, weight))), isUnknown);
    },
  };
}

/** The tensor's bytes from `shift` on; what lies outside of it is unknown and read as zeros. */
function shifted(data: WeightTensor, shift: number): WeightTensor {
  return withBytes(data, (offset, length, dst, dstOffset) => {
    const from = Math.max(0, offset + shift);
    const to = Math.min(data.byteLength, offset + shift + length);
    dst.fill(0, dstOffset, dstOffset + length);
    if (to > from) data.copyInto(from, to - from, dst, dstOffset + from - (offset + shift));
  });
}

/** Shifts in bytes, likely ones first: blocks, the alignment and its parts, then what is left of a missing padding. */
function shifts(blockBytes: number): readonly number[] {
  const likely = [ALIGNMENT, blockBytes, 16, 64, 2 * blockBytes, 8, 4, 2, 12, 20, 24, 28, 128, 4 * blockBytes, 256];
  const rest = Array.from({ length: ALIGNMENT - 1 }, (_, i) => i + 1);
  return [...new Set([...likely, ...rest])].flatMap((n) => [-n, n]);
}

export const TENSOR_OFFSET: Hypothesis = {
  id: 'tensor-data-offset',
  title: 'the tensor’s data are read from a wrong byte offset',
  explanation:
    'A tensor begins at the data section’s start (the header’s end, rounded up to the alignment) plus its own offset, an ' +
    'aligned one too. Without the rounding, or off by some blocks, every block is made of parts of two.',
  whereToLook:
    'data start = align(end of the tensor directory, general.alignment); tensor = data start + its offset; offsets in ' +
    'bytes, not elements; in a split model each file has its own data start.',
  citations: [],
  catalogue: [],
  generality: 2,
  *variants(site) {
    const weight = wholeWeightOf(site);
    const data = weight && site.weights.tensor(weight.name);
    if (!data) return;
    const rowLength = rowBytes(data.type, data.ne[0]);
    for (const bytes of shifts(QUANT_FORMATS[weight.type].blockBytes)) {
      const isOutside = (row: number): boolean => {
        const from = row * rowLength + bytes;
        return from < 0 || from + rowLength > data.byteLength;
      };
      if (!resultLooksLike(site, shifted(data, bytes), isOutside)) continue;
      yield reading(`${bytes} bytes`, { bytes, right: 0 }, (d) => shifted(d, bytes), isOutside);
    }
  },
};

/** Rows read instead of `row`. */
interface RowMistake {
  readonly label: string;
  readonly parameters: Parameters;
  readonly from: (row: number) => number;
}

function* rowMistakes(rows: number): Generator<RowMistake> {
  for (const by of [1, -1, 2, -2, 4, -4, 8, -8, 16, -16, 32, -32, 64, -64]) {
    if (Math.abs(by) < rows)
      yield { label: `row ${by > 0 ? '+' : ''}${by}`, parameters: { rows: by, right: 0 }, from: (r) => r + by };
  }
  for (const wrap of [32, 64, 128, 256, 512, 1024, 2048, 4096, 16384, 32768, 65536]) {
    if (wrap < rows) yield { label: `row mod ${wrap}`, parameters: { modulo: wrap }, from: (r) => r % wrap };
  }
  yield { label: 'rows in reverse order', parameters: { order: 'reverse' }, from: (r) => rows - 1 - r };
}

function rowsOfPlane(rows: number, from: (row: number) => number): (row: number) => number {
  return (row) => {
    const source = from(row % rows);
    return source < 0 || source >= rows ? -1 : row - (row % rows) + source;
  };
}

export const WEIGHT_ROW_INDEX: Hypothesis = {
  id: 'weight-row-index',
  title: 'rows of the weight are read from a wrong row',
  explanation:
    'Row r of the weight gives channel r of the result (or the embedding of token r). With an index that is off by a ' +
    'constant, or wraps, channels are right numbers in the wrong place.',
  whereToLook:
    'The row index of the kernel: workgroup and lane numbers, tile offsets, integer types that are too small.',
  citations: ['ggml-org/llama.cpp#26476'],
  catalogue: [16],
  generality: 1,
  *variants(site) {
    const weight = wholeWeightOf(site);
    if (!weight) return;
    const rows = weight.ne[1];
    for (const { label, parameters, from } of rowMistakes(rows)) {
      if (site.node.kind === 'MUL_MAT' && !channelsLookLike(site, from)) continue;
      const change = (data: WeightTensor): WeightTensor => withRows(data, rowsOfPlane(rows, from));
      const variant = reading(label, parameters, change, (row) => from(row) < 0 || from(row) >= rows);
      yield { ...variant, needsAllRows: true };
    }
  },
};

/** Where an offset that is kept in too few bits begins again, in bytes of the weight. */
function wraps(site: Site): readonly { readonly label: string; readonly bytes: number }[] {
  const weight = wholeWeightOf(site);
  if (!weight) return [];
  const { blockBytes, blockElements } = QUANT_FORMATS[weight.type];
  const inBytes = [16, 20, 24, 28, 31, 32].map((bits) => ({ label: `bytes mod 2^${bits}`, bytes: 2 ** bits }));
  const inElements = [16, 20, 24, 28, 31, 32]
    .filter((bits) => 2 ** bits % blockElements === 0)
    .map((bits) => ({ label: `elements mod 2^${bits}`, bytes: (2 ** bits / blockElements) * blockBytes }));
  const inBlocks = [8, 15, 16, 20, 24].map((bits) => ({
    label: `blocks mod 2^${bits}`,
    bytes: 2 ** bits * blockBytes,
  }));
  const total = rowBytes(weight.type, weight.ne[0]) * weight.ne[1] * weight.ne[2] * weight.ne[3];
  return [...inBytes, ...inElements, ...inBlocks].filter(({ bytes }) => bytes < total);
}

function wrapped(data: WeightTensor, modulo: number): WeightTensor {
  return withBytes(data, (offset, length, dst, dstOffset) => {
    for (let done = 0; done < length;) {
      const from = (offset + done) % modulo;
      const count = Math.min(modulo - from, length - done);
      data.copyInto(from, count, dst, dstOffset + done);
      done += count;
    }
  });
}

export const OFFSET_OVERFLOW: Hypothesis = {
  id: 'weight-offset-overflow',
  title: 'offsets into a large weight overflow',
  explanation:
    'The offset of a row or block, in bytes, elements or blocks, is kept in an integer that is too small, or in a float ' +
    'that no longer counts by one. Past that point the weight begins again; what lies before it is right.',
  whereToLook: 'Index arithmetic in the kernel: 16- and 32-bit products of row and stride, before they are widened.',
  citations: ['ggml-org/llama.cpp#26476'],
  catalogue: [16],
  generality: 1,
  *variants(site) {
    for (const { label, bytes } of wraps(site)) {
      yield { ...reading(label, { modulo: label, bytes }, (data) => wrapped(data, bytes)), needsAllRows: true };
    }
  },
};
