/** Weights decoded, laid out or found wrongly: rows 1 to 16 of the catalogue, and tensors at wrong places. */
import fs from 'node:fs';
import { defined } from '../../../../shared/base/assert';
import { f16ToF32, f32ToF16 } from '../../../../shared/base/float-bits';
import type { GraphTensor } from '../../../../shared/graph/graph';
import type { GgmlTypeName } from '../../../../shared/quant/ggml-type';
import { QUANT_FORMATS, rowBytes } from '../../../../shared/quant/registry';
import type { WeightView } from '../../../files/weight-view';
import type { EnginePlant, Mutation, Planted, Site } from '../plant';
import { plantAt } from '../plant';
import type { Random } from '../random';
import { bytesPerRow, decodeAll, rightDecoder, weightBytes, withDecoder, withWeight } from './multiply';
import type { DecodeBlock, Slips } from './wrong-decoders';
import { changedValues, IQ4_NL_VALUES, MXFP4_VALUES, SCALE_SLIPS, toHalf, wrongDecoder } from './wrong-decoders';

const READERS: ReadonlySet<string> = new Set(['GET_ROWS', 'MUL_MAT', 'MUL_MAT_ID']);
/** Models with K-quants and the legacy formats that replace them where rows are short. */
const K_MODELS = [
  'specimen',
  'tiny',
  'llama-dense',
  'qwen3moe-moe',
  'sample',
  'phi3-dense',
  'gemma2-dense',
  'gpt-oss-moe',
];

/** Nodes that read a weight of one of the types. */
export function readersOf(site: Site, types: readonly GgmlTypeName[]): GraphTensor[] {
  return site.nodes.filter((node) => {
    const weight = site.sourceOf(node, 0);
    return READERS.has(node.kind) && weight?.role === 'weight' && types.includes(weight.type);
  });
}

interface Decoded extends Omit<EnginePlant, 'kind' | 'plant'> {
  readonly types: readonly GgmlTypeName[];
  readonly decoder: (type: GgmlTypeName, random: Random) => DecodeBlock;
  /** Only where rows are read one by one: in products the 8-bit activations of right engines hide it. */
  readonly rowsOnly?: boolean;
}

/** A format's wrong decoder: every weight of that format is read so, from some node on. */
function decoded({ types, decoder, rowsOnly, ...plant }: Decoded): EnginePlant {
  return {
    ...plant,
    kind: 'engine',
    plant: (site) => {
      const present = types.filter((type) => readersOf(site, [type]).length > 0);
      if (present.length === 0) return undefined;
      const type = site.random.pick(present);
      const decode = decoder(type, site.random);
      const readers = readersOf(site, [type]).filter((n) => !rowsOnly || n.kind === 'GET_ROWS');
      return plantAt(
        site,
        readers,
        withDecoder(() => decode),
        type,
      );
    },
  };
}

const slips =
  (how: Slips): Decoded['decoder'] =>
  (type) =>
    wrongDecoder(type, how);

const DECODED: readonly Decoded[] = [
  {
    ...{
      name: 'q4k-scale-bits',
      reduced: true,
      row: 1,
      title: 'scales 4 to 7 without their high bits',
      types: ['Q4_K', 'Q5_K'],
    },
    ...{ models: [...K_MODELS, 'made-k'], instances: 3 },
    decoder: (type, random) => wrongDecoder(type, { noScaleHighBits: random.pick(['scales', 'both'] as const) }),
  },
  {
    ...{ name: 'q3k-scale-4-bit', row: 2, title: '6-bit scales read as 4-bit', types: ['Q3_K'], instances: 2 },
    ...{ models: ['made-k', 'made-tiny'], decoder: slips({ noScaleHighBits: 'both' }) },
  },
  {
    ...{ name: 'q2k-scale-lane', row: 3, title: "another sub-block's scale", types: ['Q2_K'], instances: 2 },
    ...{ models: ['made-k', 'made-tiny'] },
    decoder: (type, random) => {
      const how = random.pick([(g: number) => g ^ 1, (g: number) => (g & 8) | ((g & 1) << 2) | ((g & 7) >> 1)]);
      return wrongDecoder(type, { subBlock: how });
    },
  },
  {
    ...{ name: 'nibbles-interleaved', row: 4, title: 'nibbles of neighbours where halves are split', instances: 4 },
    types: ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'IQ4_NL', 'MXFP4', 'Q4_K'],
    ...{ models: ['made-legacy', 'smollm2', 'tiny', 'made-bias', 'llama-moe'] },
    decoder: slips({ interleaved: true }),
  },
  {
    ...{ name: 'nibbles-swapped', row: 4, title: 'the high nibble first', types: ['Q4_0', 'Q4_1', 'Q4_K', 'Q5_K'] },
    ...{ models: ['made-legacy', 'tiny', 'qwen2-dense'], instances: 3 },
    decoder: slips({ nibblesSwapped: true }),
  },
  {
    ...{ name: 'short-header', row: 5, title: 'Q4_1 read with the header of Q4_0', types: ['Q4_1'], instances: 2 },
    ...{ models: ['made-legacy', 'smollm2'], decoder: slips({ shortHeader: 2 }) },
  },
  {
    ...{
      name: 'twos-complement',
      row: 6,
      title: "excess codes read as two's complement",
      types: ['Q4_0', 'Q5_0', 'Q8_0'],
    },
    ...{ models: ['made-legacy', 'made-bias', 'llama-dense'], instances: 3 },
    decoder: slips({ twosComplement: true }),
  },
  {
    ...{
      name: 'iq3s-grid-entry',
      row: 7,
      title: 'a codebook value 1/30 too large',
      types: ['IQ3_S'],
      instances: 1,
      weak: true,
      rowsOnly: true,
    },
    ...{ models: ['made-iq3'] },
    decoder: (type) => changedValues(type, 256, enlargeGreatest),
  },
  {
    ...{
      name: 'codebook-entry',
      row: 7,
      title: 'one codebook entry mistyped',
      types: ['IQ4_NL', 'MXFP4'],
      instances: 2,
    },
    ...{ models: ['made-legacy', 'made-legacy'] },
    decoder: (type, random) => {
      const table: number[] = [...(type === 'MXFP4' ? MXFP4_VALUES : IQ4_NL_VALUES)];
      const code = random.integer(4, 7);
      table[code] = (table[code] as number) + (type === 'MXFP4' ? 1 : 6);
      return wrongDecoder(type, {}, table);
    },
  },
  {
    ...{
      name: 'subnormal-scale-flushed',
      reduced: true,
      row: 8,
      title: 'subnormal f16 scales read as zero',
      instances: 3,
    },
    types: ['Q4_0', 'Q4_1', 'Q5_0', 'Q8_0', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K'],
    ...{ models: ['made-tiny', 'made-tiny', 'made-tiny'], decoder: slips({ scale: SCALE_SLIPS.flushed }) },
  },
  {
    ...{ name: 'subnormal-scale-x16', row: 9, title: 'subnormal f16 scales 16 times too large', instances: 2 },
    types: ['Q4_0', 'Q8_0', 'Q4_K', 'Q6_K'],
    ...{ models: ['made-tiny', 'made-tiny'], decoder: slips({ scale: SCALE_SLIPS.sixteenTimes }) },
  },
  {
    ...{ name: 'codes-in-f16', row: 11, title: 'packed codes carried as f16: NaNs canonicalised', instances: 2 },
    ...{ types: ['Q4_0', 'Q4_1', 'Q4_K'], models: ['made-legacy', 'tiny'] },
    decoder: slips({ carriedAsF16: true }),
  },
  {
    ...{ name: 'min-sign', row: 0, title: 'the min left out, or with the wrong sign', instances: 3 },
    ...{ types: ['Q4_1', 'Q5_1', 'Q2_K', 'Q4_K', 'Q5_K'], models: ['made-k', 'smollm2', 'falcon-dense', 'tiny'] },
    decoder: (type, random) => wrongDecoder(type, { min: random.pick(['ignored', 'negated'] as const) }),
  },
  {
    ...{ name: 'high-bits-missing', row: 0, title: 'the upper bits of the codes left out', instances: 3 },
    ...{ types: ['Q5_0', 'Q5_1', 'Q5_K', 'Q3_K', 'Q6_K'], models: ['made-legacy', 'made-k', 'llama-dense'] },
    decoder: slips({ noHighBits: true }),
  },
  {
    ...{ name: 'q6k-unsigned-scale', row: 0, title: 'signed sub-block scales read as unsigned', types: ['Q6_K'] },
    ...{ models: ['made-k', 'tiny'], instances: 2, decoder: slips({ twosComplement: true }) },
  },
];

/** Values of the grid are d (1 … 15); the greatest becomes 15.5. */
function enlargeGreatest(values: Float32Array, b: Uint8Array, at: number): void {
  const d = f16ToF32((b[at] as number) | ((b[at + 1] as number) << 8));
  for (let i = 0; i < 256; i++) {
    const scale = ((b[at + 106 + (i >> 6)] as number) >> ((i >> 5) % 2 === 1 ? 4 : 0)) & 15;
    const unit = d * (2 * scale + 1);
    if (Math.round(Math.abs((values[i] as number) / unit)) === 15) values[i] = (values[i] as number) * (15.5 / 15);
  }
}

const QUANTIZED: readonly GgmlTypeName[] = ['Q4_0', 'Q4_1', 'Q5_0', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K'];

/** Row 10: blocks decoded in half precision. Seen where nothing else rounds: in the embedding's rows. */
const HALF_DECODE: EnginePlant = {
  ...{ kind: 'engine', name: 'half-precision-decode', row: 10, title: 'weights decoded in half precision' },
  ...{ models: ['tiny', 'made-k', 'made-legacy'], instances: 2, weak: true },
  plant: (site) =>
    plantAt(
      site,
      site.nodes.filter((n) => n.key === 'embd'),
      withDecoder((type) =>
        changedValues(type, QUANT_FORMATS[type].blockElements, (v) => v.forEach((x, i) => (v[i] = toHalf(x)))),
      ),
      'rounded to f16',
    ),
};

/** Bytes read from another place: all of the tensor, a number of bytes away, as wrong alignment or a split file do. */
const WRONG_OFFSET: EnginePlant = {
  ...{ kind: 'engine', name: 'wrong-offset', reduced: true, row: 0, title: 'tensor data read at a wrong offset' },
  ...{ models: ['tiny', 'llama-dense', 'made-legacy', 'made-k'], instances: 3 },
  plant: (site) => {
    const nodes = readersOf(site, QUANTIZED).filter((n) => n.kind === 'MUL_MAT');
    if (nodes.length === 0) return undefined;
    const node = site.random.pick(nodes);
    const { type, ne } = defined(site.sourceOf(node, 0), 'a weight');
    const { blockBytes } = QUANT_FORMATS[type];
    // by whole rows it is another bug
    const shifts = [blockBytes * site.random.integer(1, 9), 32, 16].filter((n) => n % rowBytes(type, ne[0]) !== 0);
    const shift = site.random.pick(shifts);
    const mutation = withWeight((turn) => {
      const { tensor } = weightBytes(turn);
      return decodeAll({ tensor, bytes: fileBytes(turn.weights, tensor.name, shift) }, rightDecoder(tensor.type));
    });
    return { mutations: new Map([[node.key, mutation]]), note: `${type}, ${shift} bytes` };
  },
};

/** As many bytes as a tensor has, from another place of the file; zeros after its end. */
function fileBytes({ file }: WeightView, name: string, shift: number): Uint8Array {
  const tensor = defined(
    file.gguf.tensors.find((t) => t.name === name),
    name,
  );
  const bytes = new Uint8Array(defined(tensor.byteLength, 'bytes'));
  const fd = fs.openSync(file.path, 'r');
  try {
    fs.readSync(fd, bytes, 0, bytes.length, tensor.offset + shift);
  } finally {
    fs.closeSync(fd);
  }
  return bytes;
}

/** Row 12: weights reordered (all codes, then all scales) for a fast path, read by the old path in the decode steps. */
const REORDERED: EnginePlant = {
  ...{ kind: 'engine', name: 'reordered-weights', row: 12, title: 'reordered weights read by the old path' },
  ...{ models: ['made-legacy', 'made-bias'], instances: 2, steps: 2 },
  plant: (site) => {
    const nodes = readersOf(site, ['Q4_0', 'Q8_0']).filter((n) => n.kind === 'MUL_MAT' && n.key !== 'result_output');
    const planted = plantAt(site, nodes, readReordered, 'codes first, then scales');
    return planted && { ...planted, step: 1 };
  },
};

const readReordered: Mutation = withWeight((turn) => {
  const { tensor, bytes } = weightBytes(turn);
  const { blockBytes } = QUANT_FORMATS[tensor.type];
  const blocks = bytes.length / blockBytes;
  const codes = blockBytes - 2;
  const reordered = new Uint8Array(bytes.length);
  for (let i = 0; i < blocks; i++) {
    reordered.set(bytes.subarray(i * blockBytes + 2, (i + 1) * blockBytes), i * codes);
    reordered.set(bytes.subarray(i * blockBytes, i * blockBytes + 2), blocks * codes + 2 * i);
  }
  return decodeAll({ tensor, bytes: reordered }, rightDecoder(tensor.type));
});

/** Row 16: a row's byte offset computed in too few bits. */
const INDEX_WRAPS: EnginePlant = {
  ...{ kind: 'engine', name: 'index-wraps', row: 16, title: 'byte offsets wrap around: late rows read early ones' },
  ...{ models: ['tiny', 'made-k', 'smollm2'], instances: 2 },
  plant: (site) => {
    const nodes = readersOf(site, ['Q6_K', 'Q4_K', 'Q4_1']).filter((n) => n.kind === 'MUL_MAT');
    if (nodes.length === 0) return undefined;
    const node = site.random.pick(nodes);
    const rows = site.sourceOf(node, 0)?.ne[1] ?? 0;
    const limit = 2 ** site.random.integer(5, Math.ceil(Math.log2(rows)) - 1);
    const mutation = withWeight((turn) => {
      const { tensor, bytes } = weightBytes(turn);
      const span = limit * bytesPerRow(tensor);
      const wrapped = bytes.map((_, i) => bytes[i % span] as number);
      return decodeAll({ tensor, bytes: wrapped }, rightDecoder(tensor.type));
    });
    return { mutations: new Map([[node.key, mutation]]), note: `${rows} rows modulo ${limit}` };
  },
};

/** One block whose scale is NaN. */
const NAN_BLOCK: EnginePlant = {
  ...{ kind: 'engine', name: 'nan-block', row: 14, title: 'NaN from one weight block' },
  ...{ models: ['tiny', 'llama-dense', 'made-legacy'], instances: 2 },
  plant: (site) => {
    const nodes = readersOf(site, ['Q4_K', 'Q6_K', 'Q4_0', 'Q8_0', 'Q5_0']).filter((n) => n.kind === 'MUL_MAT');
    if (nodes.length === 0) return undefined;
    const node = site.random.pick(nodes);
    const weight = site.sourceOf(node, 0);
    if (!weight) return undefined;
    const { blockElements } = QUANT_FORMATS[weight.type];
    const block = site.random.integer(0, (weight.ne[0] * weight.ne[1]) / blockElements - 1);
    const mutation = withWeight((turn) => {
      const whole = weightBytes(turn);
      const values = decodeAll(whole, rightDecoder(whole.tensor.type));
      return values.fill(NaN, block * blockElements, (block + 1) * blockElements);
    });
    return { mutations: new Map([[node.key, mutation]]), note: `block ${block}` };
  },
};

/** Rows and columns taken for each other in a square matrix. */
const TRANSPOSED: EnginePlant = {
  ...{ kind: 'engine', name: 'transposed-weight', row: 0, title: 'rows and columns of a weight swapped' },
  ...{ models: ['tiny', 'llama-dense', 'made-f16', 'sample'], instances: 3 },
  plant: (site) => {
    const nodes = readersOf(site, [...QUANTIZED, 'F16', 'BF16', 'F32']).filter((n) => {
      const ne = site.sourceOf(n, 0)?.ne;
      return n.kind === 'MUL_MAT' && ne !== undefined && ne[0] === ne[1];
    });
    return nodes.length === 0 ? undefined : plantAt(site, [site.random.pick(nodes)], transposed, 'square matrix');
  },
};

const transposed: Mutation = withWeight((turn) => {
  const whole = weightBytes(turn);
  const n = whole.tensor.ne[0];
  const values = decodeAll(whole, rightDecoder(whole.tensor.type));
  return values.map((_, i) => values[(i % n) * n + Math.floor(i / n)] as number);
});

/** Row 39: the head of another matrix: the embedding where there is an own one. */
const TIED_HEAD: EnginePlant = {
  ...{ kind: 'engine', name: 'tied-head', row: 39, title: 'the embedding taken as output matrix' },
  ...{ models: ['tiny', 'llama-dense', 'made-legacy'], instances: 2 },
  plant: (site) => {
    const head = site.nodes.find((n) => site.sourceOf(n, 0)?.name === 'output.weight');
    const mutation = withWeight((turn) => {
      const tensor = turn.weights.tensor('token_embd.weight');
      if (!tensor) throw new TypeError('no embedding');
      const bytes = new Uint8Array(tensor.byteLength);
      tensor.copyInto(0, bytes.length, bytes, 0);
      return decodeAll({ tensor, bytes }, rightDecoder(tensor.type));
    });
    return head && ({ mutations: new Map([[head.key, mutation]]), note: 'token_embd.weight' } satisfies Planted);
  },
};

/** Row 13: what does not fill a tile is left out. */
const TAIL: EnginePlant = {
  ...{
    kind: 'engine',
    name: 'tile-tail',
    reduced: true,
    row: 13,
    title: 'rows, columns or products past the last whole tile',
  },
  ...{ models: ['tiny', 'smollm2', 'made-k', 'llama-dense', 'made-f16'], instances: 4 },
  plant: (site) => {
    const { random } = site;
    const tile = random.pick([48, 80, 96, 112, 160]);
    const nodes = readersOf(site, [...QUANTIZED, 'F16', 'F32']).filter((n) => n.kind === 'MUL_MAT' && n.ne[0] > tile);
    const ragged = nodes.filter((n) => n.ne[0] % tile !== 0);
    if (ragged.length === 0) return undefined;
    const node = random.pick(ragged);
    const what = random.pick(['rows', 'nan', 'k'] as const);
    const mutation: Mutation =
      what === 'k' ? shortProducts(tile) : (turn) => shortRows(turn.right(), node.ne[0], tile, what);
    return { mutations: new Map([[node.key, mutation]]), note: `${what}, tiles of ${tile}` };
  },
};

function shortRows(right: Float32Array, rows: number, tile: number, what: 'rows' | 'nan'): Float32Array {
  const whole = rows - (rows % tile);
  return right.map((x, i) => (i % rows < whole ? x : what === 'nan' ? NaN : 0));
}

/** The products past the last whole tile of k are not added. */
function shortProducts(tile: number): Mutation {
  return withWeight((turn) => {
    const whole = weightBytes(turn);
    const k = whole.tensor.ne[0];
    const end = k - (k % tile);
    return decodeAll(whole, rightDecoder(whole.tensor.type)).map((x, i) => (i % k < end ? x : 0));
  });
}

/** Row 22 as it shows in weights of f16 made by cutting off. */
const CUT_HALVES: EnginePlant = {
  ...{ kind: 'engine', name: 'cut-to-f16', row: 22, title: 'f32 cut to f16 where it should be rounded' },
  ...{ models: ['tiny', 'sample', 'made-bias'], instances: 2, weak: true },
  plant: (site) => {
    const nodes = site.nodes.filter((n) => n.op === 'SET_ROWS' && n.type === 'F16' && n.ne[0] > 1);
    return plantAt(site, nodes, cutRows, 'K cache');
  },
};

const cutRows: Mutation = (turn) => {
  const right = turn.right();
  const ids = turn.source(1);
  const rows = turn.source(0);
  const width = turn.tensor.ne[0];
  ids.forEach((id, i) => {
    for (let c = 0; c < width; c++) right[id * width + c] = towardsZero(rows[i * width + c] as number);
  });
  return right;
};

function towardsZero(x: number): number {
  const bits = f32ToF16(x);
  return Math.abs(f16ToF32(bits)) > Math.abs(x) ? f16ToF32(bits - 1) : f16ToF32(bits);
}

export const WEIGHT_PLANTS: readonly EnginePlant[] = [
  ...DECODED.map(decoded),
  ...[HALF_DECODE, WRONG_OFFSET, REORDERED, INDEX_WRAPS, NAN_BLOCK, TRANSPOSED, TIED_HEAD, TAIL, CUT_HALVES],
];
