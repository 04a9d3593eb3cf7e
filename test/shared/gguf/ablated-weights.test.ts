import { describe, expect, it } from 'vitest';

import { f32ToF16 } from '../../../src/shared/base/float-bits';
import {
  ablatedGraph,
  ablatedTensor,
  ablatedType,
  ablatedWeights,
  WEIGHT_PRECISIONS,
} from '../../../src/shared/gguf/ablated-weights';
import type { WeightSource, WeightTensor } from '../../../src/shared/gguf/model-source';
import type { Dims, Graph } from '../../../src/shared/graph/graph';
import { executeGraph } from '../../../src/shared/ops/executor';
import { createInlineEngine } from '../../../src/shared/ops/mat-mul-engine';
import { contiguousStrides } from '../../../src/shared/ops/tensor-shape';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { QUANT_FORMATS, rowBytes, supportedFormat } from '../../../src/shared/quant/registry';
import { randomBytes } from '../../helpers/random';
import { checkpointsOf, GraphBuilder, weightsOf } from '../ops/graph-builder';
import { freely } from '../ops/layered-graph';
import { randomValues } from '../ops/op-helpers';

const ALL = Object.keys(QUANT_FORMATS) as GgmlTypeName[];
const INTEGERS = ALL.filter((type) => QUANT_FORMATS[type].family === 'integer');
const CHANGED = ALL.filter((type) => type !== 'F32' && !INTEGERS.includes(type));

const BLOCKS_PER_ROW = 2;
const ROWS = 3;

/** Random bits of a type, which its decoder takes as they are: three rows of two blocks. */
function stored(type: GgmlTypeName): { weight: WeightTensor; reads: number[]; decoded: Float32Array } {
  const { blockElements, blockBytes } = QUANT_FORMATS[type];
  const blocks = BLOCKS_PER_ROW * ROWS;
  const bytes = randomBytes(blocks * blockBytes, 11);
  const decoded = new Float32Array(blocks * blockElements);
  supportedFormat(type).dequantize(bytes, 0, blocks, decoded, 0);
  const reads: number[] = [];
  const weight: WeightTensor = {
    ...{ name: 'w', type, ne: [BLOCKS_PER_ROW * blockElements, ROWS, 1, 1], byteLength: bytes.length },
    copyInto: (offset, length, dst, dstOffset) => {
      expect([offset % blockBytes, length % blockBytes]).toEqual([0, 0]);
      reads.push(length / blockBytes);
      dst.set(bytes.subarray(offset, offset + length), dstOffset);
    },
  };
  return { weight, reads, decoded };
}

/** Elements `first` … `first + count − 1` as the weight hands them out. */
function window(weight: WeightTensor, first: number, count: number): Uint8Array {
  const size = QUANT_FORMATS[weight.type].blockBytes;
  const dst = new Uint8Array(count * size + 5).fill(0xa5);
  weight.copyInto(first * size, count * size, dst, 3);
  expect([...dst.subarray(0, 3), ...dst.subarray(-2)]).toEqual([0xa5, 0xa5, 0xa5, 0xa5, 0xa5]);
  return dst.slice(3, -2);
}

const bytesOf = (values: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
const halves = (values: Float32Array): Uint16Array => Uint16Array.from(values, (v) => f32ToF16(v));

/** First element and count of windows: whole, single elements, one that cuts both its blocks, one to the very end. */
function windowsOf(elements: number, block: number): readonly (readonly [number, number])[] {
  const cut = Math.floor(block / 3);
  return [
    [0, elements],
    [0, 1],
    [elements - 1, 1],
    [block - cut, 2 * cut + 1],
    [cut, elements - cut],
    [2 * block, block],
    [block, 0],
  ];
}

describe('ablatedType', () => {
  it('changes all weights but those that are there already, and integers never', () => {
    for (const type of ALL) {
      expect(ablatedType(type, 'as-is')).toBe(type);
      const kept = INTEGERS.includes(type) || type === 'F32';
      expect([type, ablatedType(type, 'f32')]).toEqual([type, kept ? type : 'F32']);
      expect([type, ablatedType(type, 'f16')]).toEqual([type, kept ? type : 'F16']);
    }
    expect(WEIGHT_PRECISIONS).toEqual(['as-is', 'f16', 'f32']);
    expect(INTEGERS).toEqual(['I8', 'I16', 'I32', 'I64']);
  });
});

describe('a weight at f32', () => {
  it.each(CHANGED)('%s has the bits of the reference decoder, also in windows that cut blocks', (type) => {
    const { weight, decoded } = stored(type);
    const ablated = ablatedTensor(weight, 'f32');
    expect(ablated).toMatchObject({ name: 'w', type: 'F32', ne: weight.ne, byteLength: 4 * decoded.length });
    for (const [first, count] of windowsOf(decoded.length, QUANT_FORMATS[type].blockElements)) {
      expect(window(ablated, first, count)).toEqual(bytesOf(decoded.subarray(first, first + count)));
    }
  });

  it('reads only the blocks that a window touches', () => {
    const { weight, reads } = stored('Q4_K');
    const ablated = ablatedTensor(weight, 'f32');
    window(ablated, 255, 2);
    window(ablated, 256, 256);
    window(ablated, 300, 1);
    expect(reads).toEqual([2, 1, 1]);
  });
});

describe('a weight at f16', () => {
  it.each(CHANGED.filter((type) => type !== 'F16'))('%s is what the decoder gives, rounded once', (type) => {
    const { weight, decoded } = stored(type);
    const ablated = ablatedTensor(weight, 'f16');
    expect(ablated).toMatchObject({ type: 'F16', ne: weight.ne, byteLength: 2 * decoded.length });
    for (const [first, count] of windowsOf(decoded.length, QUANT_FORMATS[type].blockElements)) {
      expect(window(ablated, first, count)).toEqual(bytesOf(halves(decoded.subarray(first, first + count))));
    }
  });

  it('rounds to nearest, ties to even, beyond its range to infinity', () => {
    const values = Uint16Array.of(0x3f80, 0x3f81, 0x4780, 0xc780, 0x3300); // 1, 1 + 2⁻⁷, ±65536, 2⁻²⁵ in BF16
    const source = weightsOf({ w: { type: 'BF16', ne: [5, 1, 1, 1], bytes: bytesOf(values) } });
    const got = window(ablatedTensor(source.tensor('w')!, 'f16'), 0, 5);
    expect([...new Uint16Array(got.buffer)]).toEqual([0x3c00, 0x3c08, 0x7c00, 0xfc00, 0]);
  });
});

describe('a weight that stays', () => {
  it.each([...INTEGERS, 'F32' as const])('%s is the very same', (type) => {
    const { weight } = stored(type);
    for (const precision of WEIGHT_PRECISIONS) expect(ablatedTensor(weight, precision)).toBe(weight);
  });

  it('is also F16 at f16, and everything as it is', () => {
    const { weight } = stored('F16');
    expect(ablatedTensor(weight, 'f16')).toBe(weight);
    const { weight: quantized } = stored('Q6_K');
    expect(ablatedTensor(quantized, 'as-is')).toBe(quantized);
  });
});

describe('ablatedWeights', () => {
  const source = weightsOf({ w: { type: 'Q8_0', ne: [32, 2, 1, 1], bytes: randomBytes(68, 1) } });

  it('says its precision, hands out such weights, and has no others', () => {
    const ablated = ablatedWeights(source, 'f16');
    expect(ablated.label).toBe('weights in memory at f16');
    expect(ablated.tensor('w')).toMatchObject({ type: 'F16', byteLength: 128 });
    expect(ablated.tensor('v')).toBeUndefined();
    expect(ablatedWeights(source, 'as-is')).toBe(source);
  });

  it('refuses a window that cuts an element', () => {
    const weight = ablatedWeights(source, 'f32').tensor('w')!;
    expect(() => weight.copyInto(2, 4, new Uint8Array(8), 0)).toThrow('a window of w cuts an element');
    expect(() => weight.copyInto(4, 6, new Uint8Array(8), 0)).toThrow('a window of w cuts an element');
  });
});

/** A quantized weight read whole, by a view of its later rows, and by one with its planes turned; and what stays. */
function viewing(type: GgmlTypeName, ne: Dims): Graph {
  const g = new GraphBuilder();
  const row = rowBytes(type, ne[0]);
  const w = g.leaf('weight', 'w', ne, type);
  const norm = g.leaf('weight', 'norm', [ne[0], 1, 1, 1]);
  const positions = g.leaf('weight', 'positions', [3, 1, 1, 1], 'I32');
  const x = g.leaf('input', 'x', [ne[0], 2, ne[2], 1]);
  const later: Dims = [ne[0], ne[1] - 1, ne[2], 1];
  const nb = contiguousStrides(type, ne);
  const view = g.node('view:w', 'VIEW', later, [w], { type, nb, viewOf: w, viewOffs: row });
  const turned = g.node('view:turned', 'PERMUTE', [ne[0], ne[2], ne[1], 1], [w], {
    ...{ type, viewOf: w },
    nb: [nb[0], nb[2], nb[1], nb[3]],
  });
  const scaled = g.node('scaled', 'MUL', [ne[0], 2, ne[2], 1], [x, norm]);
  const half = g.node('view:x', 'VIEW', [ne[0], 1, ne[2], 1], [scaled], { viewOf: scaled, viewOffs: 4 * ne[0] });
  g.node('whole', 'MUL_MAT', [ne[1], 2, ne[2], 1], [w, scaled]);
  g.node('part', 'MUL_MAT', [ne[1] - 1, 1, ne[2], 1], [view, half]);
  const y = g.leaf('input', 'y', [ne[0], 2, ne[1], 1]);
  g.node('across', 'MUL_MAT', [ne[2], 2, ne[1], 1], [turned, y]);
  g.node('picked', 'GET_ROWS', [ne[0], 3, 1, 1], [norm, positions]);
  return g.build();
}

const NE: Dims = [64, 5, 3, 1];

describe('ablatedGraph', () => {
  const byKey = (graph: Graph, key: string) => graph.tensors.find((t) => t.key === key)!;

  it('has the types of the weights, and strides and offsets of views of them in bytes of that type', () => {
    const graph = viewing('Q4_0', NE);
    expect(byKey(graph, 'view:w')).toMatchObject({ nb: [18, 36, 180, 540], viewOffs: 36 });
    const f16 = ablatedGraph(graph, 'f16');
    expect(byKey(f16, 'leaf:w')).toMatchObject({ type: 'F16', ne: NE, nb: [2, 128, 640, 1920], viewOffs: 0 });
    expect(byKey(f16, 'view:w')).toMatchObject({ type: 'F16', nb: [2, 128, 640, 1920], viewOffs: 128 });
    expect(byKey(f16, 'view:turned')).toMatchObject({ ne: [64, 3, 5, 1], nb: [2, 640, 128, 1920] });
    const f32 = ablatedGraph(graph, 'f32');
    expect(byKey(f32, 'leaf:w').nb).toEqual(contiguousStrides('F32', NE));
    expect(byKey(f32, 'view:w')).toMatchObject({ type: 'F32', nb: [4, 256, 1280, 3840], viewOffs: 256 });
  });

  it('turns the strides of a type of single elements alike, also where dimension 0 is not the densest', () => {
    const g = new GraphBuilder();
    const w = g.leaf('weight', 'w', [6, 5, 1, 1], 'BF16');
    g.node('view:t', 'TRANSPOSE', [5, 6, 1, 1], [w], { type: 'BF16', viewOf: w, nb: [12, 2, 60, 60] });
    const graph = g.build();
    expect(byKey(ablatedGraph(graph, 'f32'), 'view:t').nb).toEqual([24, 4, 120, 120]);
    expect(byKey(ablatedGraph(graph, 'f16'), 'view:t')).toMatchObject({ type: 'F16', nb: [12, 2, 60, 60] });
  });

  it('leaves everything else: other leaves, activations and their views, the order', () => {
    const graph = viewing('Q4_0', NE);
    const f32 = ablatedGraph(graph, 'f32');
    expect(f32.order).toBe(graph.order);
    const changed = f32.tensors.filter((t) => !graph.tensors.includes(t)).map((t) => t.key);
    expect(changed).toEqual(['leaf:w', 'view:w', 'view:turned']);
    for (const key of ['leaf:norm', 'leaf:positions', 'leaf:x', 'scaled', 'view:x', 'whole', 'picked']) {
      expect(byKey(f32, key)).toBe(byKey(graph, key));
    }
    expect(ablatedGraph(graph, 'as-is')).toBe(graph);
  });

  it('refuses a view that takes a weight for another type', () => {
    const g = new GraphBuilder();
    const w = g.leaf('weight', 'w', [64, 1, 1, 1], 'Q8_0');
    g.node('view:w', 'VIEW', [17, 1, 1, 1], [w], { viewOf: w });
    expect(() => ablatedGraph(g.build(), 'f32')).toThrow('view:w looks at the Q8_0 of w as F32');
  });

  it.each(['Q4_0', 'Q8_0', 'BF16'] as const)('gives the same bits at f32 when it runs: %s', async (type) => {
    const graph = viewing(type, NE);
    const elements = NE[0] * NE[1] * NE[2];
    const finite = weightBytes(type, elements);
    const weights = weightsOf({
      w: { type, ne: NE, bytes: finite },
      norm: { type: 'F32', ne: [64, 1, 1, 1], bytes: bytesOf(randomValues(64, 2)) },
      positions: { type: 'I32', ne: [3, 1, 1, 1], bytes: new Uint8Array(Int32Array.of(0, 0, 0).buffer) },
    });
    const asIs = await results(graph, weights);
    const ablated = await results(ablatedGraph(graph, 'f32'), ablatedWeights(weights, 'f32'));
    expect([...asIs.keys()]).toEqual(['scaled', 'whole', 'part', 'across', 'picked']);
    expect(ablated).toEqual(asIs);
    const f16 = await results(ablatedGraph(graph, 'f16'), ablatedWeights(weights, 'f16'));
    expect(f16.get('whole')!.every(Number.isFinite)).toBe(true);
    expect(f16.get('scaled')).toEqual(asIs.get('scaled'));
  });
});

/** Bytes of a type whose scales are ordinary numbers. */
function weightBytes(type: 'Q4_0' | 'Q8_0' | 'BF16', elements: number): Uint8Array {
  const { blockBytes, blockElements } = QUANT_FORMATS[type];
  const bytes = randomBytes((elements / blockElements) * blockBytes, 5);
  const exponent = type === 'BF16' ? 0x3d : 0x2c;
  for (let at = 1; at < bytes.length; at += blockBytes) bytes[at] = (bytes[at]! & 0x82) | exponent;
  return bytes;
}

async function results(graph: Graph, weights: WeightSource): Promise<ReadonlyMap<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  const [x, y] = ['leaf:x', 'leaf:y'].map((key) => graph.tensors.find((t) => t.key === key)!.ne);
  const captured = checkpointsOf('the capture', {
    'leaf:x': randomValues(x![0] * x![1] * x![2], 3),
    'leaf:y': randomValues(y![0] * y![1] * y![2], 4),
  });
  await executeGraph(
    { graph, weights, captured, mode: { kind: 'free' }, control: freely },
    {
      arithmetics: ['exact'],
      engine: createInlineEngine(),
      onNode: ({ tensor, results: { exact } }) => void found.set(tensor.key, exact),
      onNotMeasured: ({ key }, reason) => expect.fail(`${key}: ${reason}`),
    },
  );
  return found;
}
