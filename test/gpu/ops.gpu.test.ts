import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNodeWebGpuLane } from '../../src/main/lanes/webgpu-node';
import { f32ToF16 } from '../../src/shared/base/float-bits';
import type { GraphLane } from '../../src/shared/divergence/lane';
import type { GgmlOp, OpKind } from '../../src/shared/graph/ggml-op';
import type { Dims } from '../../src/shared/graph/graph';
import { contiguousStrides, spanBytes } from '../../src/shared/ops/tensor-shape';
import type { GgmlTypeName } from '../../src/shared/quant/ggml-type';
import { GgmlType } from '../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../src/shared/quant/registry';
import { ordinaryBlocks } from '../helpers/scales';
import { GraphBuilder, weightsOf } from '../shared/ops/graph-builder';
import { countOf, floatBits, gappedStrides, randomValues, transposedStrides } from '../shared/ops/op-helpers';
import type { Scene, Stored } from './gpu-fixture';
import { memoryTrace, nmse, runOnCpu, runOnGpu, stored } from './gpu-fixture';

let lane: GraphLane;
beforeAll(async () => {
  lane = await openNodeWebGpuLane();
});
afterAll(() => lane.dispose());

/** A source: an input leaf, seen through a view where `nb` or `offset` are given; or raw blocks of a weight. */
interface Source {
  readonly ne: Dims;
  readonly type?: 'F32' | 'F16' | 'I32' | 'I64';
  readonly values?: ArrayLike<number>;
  readonly nb?: Dims;
  readonly offset?: number;
  readonly blocks?: GgmlTypeName;
}

interface Case {
  readonly op: GgmlOp;
  readonly kind?: OpKind;
  readonly ne: Dims;
  readonly type?: GgmlTypeName;
  readonly params?: readonly number[];
  readonly sources: readonly (Source | undefined)[];
}

function encode(type: 'F32' | 'F16' | 'I32' | 'I64', values: ArrayLike<number>): ArrayBufferView {
  if (type === 'F16') return Uint16Array.from(values, f32ToF16);
  if (type === 'I32') return Int32Array.from(values);
  return type === 'I64' ? BigInt64Array.from(Array.from(values, BigInt)) : Float32Array.from(values);
}

const ELEMENT_BYTES = { F32: 4, F16: 2, I32: 4, I64: 8 } as const;

/** Random weights of ordinary size. */
function finiteBlocks(type: GgmlTypeName, ne: Dims): Uint8Array<ArrayBuffer> {
  const elements = ne[0] * ne[1] * ne[2] * ne[3];
  if (type === 'F32') return new Uint8Array(Float32Array.from(randomValues(elements, 7)).buffer);
  return ordinaryBlocks(type, elements / supportedFormat(type).blockElements, 7);
}

function sceneOf({ op, kind, ne, type, params, sources }: Case): Scene {
  const builder = new GraphBuilder();
  const values: Record<string, Stored> = {};
  const weights: Record<string, { type: GgmlTypeName; ne: Dims; bytes: Uint8Array }> = {};
  const src = sources.map((source, i) => {
    if (!source) return undefined;
    if (source.blocks) {
      weights[`w${i}`] = { type: source.blocks, ne: source.ne, bytes: finiteBlocks(source.blocks, source.ne) };
      return builder.leaf('weight', `w${i}`, source.ne, source.blocks);
    }
    const t = source.type ?? 'F32';
    const nb = source.nb ?? contiguousStrides(t, source.ne);
    const offset = source.offset ?? 0;
    const length = Math.ceil((offset + spanBytes({ type: t, ne: source.ne, nb })) / ELEMENT_BYTES[t]);
    const memory: Dims = [length, 1, 1, 1];
    values[`leaf:x${i}`] = stored(t, memory, encode(t, source.values ?? randomValues(length, i + 1)));
    const leaf = builder.leaf('input', `x${i}`, memory, t);
    return builder.node(`view${i}`, 'VIEW', source.ne, [leaf], { type: t, nb, viewOf: leaf, viewOffs: offset });
  });
  builder.node('out', op, ne, src, {
    ...(kind ? { kind } : {}),
    ...(type ? { type } : {}),
    params: [...(params ?? []), ...new Array<number>(16 - (params?.length ?? 0)).fill(0)],
  });
  return { graph: builder.build(), captured: memoryTrace(values), weights: weightsOf(weights) };
}

/** Memory in which `values` stand `step` elements apart, from element 1 on. */
function spaced(values: readonly number[], step: number): number[] {
  return Array.from({ length: 2 + step * (values.length - 1) }, (_, i) => values[(i - 1) / step] ?? 7);
}

async function compare(c: Case, bound: number): Promise<void> {
  const scene = sceneOf(c);
  const [gpu, cpu] = [await runOnGpu(lane, scene), await runOnCpu(scene)];
  expect(cpu.missing).toEqual([]);
  expect(gpu.missing).toEqual([]);
  const got = gpu.get('out');
  expect(got.length).toBe(countOf(c.ne));
  expect(got.some((x) => x !== 0)).toBe(true);
  expect(nmse(got, cpu.get('out'))).toBeLessThanOrEqual(bound);
}

/** One f32 rounding per element, or a reduction with few of them. */
const F32_NOISE = 1e-13;
const EXACT = 0;

/** Types that ggml multiplies and takes rows of; its integers and F64 are decoded by nothing but `decode`. */
const WEIGHT_TYPES = (Object.keys(GgmlType) as GgmlTypeName[]).filter((type) => !/^(I\d+|F64)$/.test(type));

describe('MUL_MAT', () => {
  it.each(WEIGHT_TYPES)('%s weights, rows and columns that fill no tile', async (type) => {
    await compare(
      {
        op: 'MUL_MAT',
        ne: [131, 11, 1, 1],
        sources: [{ ne: [512, 131, 1, 1], blocks: type }, { ne: [512, 11, 1, 1] }],
      },
      F32_NOISE,
    );
  });

  it.each([1, 2, 3, 5, 33, 34, 35])('F32 and F16 rows of %i elements', async (k) => {
    for (const type of ['F32', 'F16'] as const) {
      const sources = [{ ne: [k, 6, 1, 1] as Dims, type }, { ne: [k, 3, 1, 1] as Dims }];
      await compare({ op: 'MUL_MAT', ne: [6, 3, 1, 1], sources }, F32_NOISE);
    }
  });

  it('a permuted F16 cache with heads shared by several query heads', async () => {
    // K cache [head 34, heads 2, positions 7] permuted to [34, 7, 2]
    const cache = { ne: [34, 7, 2, 1] as Dims, type: 'F16', nb: [2, 136, 68, 1000] as Dims, offset: 6 } as const;
    const query = { ne: [34, 3, 6, 1] as Dims, nb: [4, 34 * 6 * 4, 34 * 4, 2448] as Dims };
    await compare({ op: 'MUL_MAT', ne: [7, 3, 6, 1], sources: [cache, query] }, F32_NOISE);
  });

  it('F16 activations, and dimension 3 repeated', async () => {
    const sources = [{ ne: [16, 4, 1, 1] as Dims }, { ne: [16, 9, 2, 3] as Dims, type: 'F16' as const }];
    await compare({ op: 'MUL_MAT', ne: [4, 9, 2, 3], sources }, F32_NOISE);
  });
});

describe('a mat-mul', () => {
  it.each(['F32', 'F16'] as const)(
    'reads %s activations whose elements lie apart, which ggml refuses',
    async (type) => {
      const ne: Dims = [35, 3, 2, 1];
      for (const nb of [gappedStrides(type, ne), transposedStrides(type, ne)]) {
        const sources = [{ ne: [35, 6, 1, 1] as Dims }, { ne, type, nb, offset: 8 }];
        await compare({ op: 'MUL_MAT', ne: [6, 3, 2, 1], sources }, F32_NOISE);
      }
    },
  );
});

describe('MUL_MAT_ID', () => {
  /** 1 and 5 columns per tile; experts that nobody uses, and one that most use. */
  it.each(['Q4_0', 'Q6_K', 'IQ2_S', 'BF16'] as const)('%s experts', async (blocks) => {
    for (const tokens of [1, 9]) {
      const values = Array.from({ length: 2 * tokens }, (_, i) => (i % 3 === 1 ? 1 : 3));
      const sources = [
        { ne: [512, 131, 4, 1] as Dims, blocks },
        { ne: [512, 1, tokens, 1] as Dims },
        { ne: [2, tokens, 1, 1] as Dims, type: 'I32' as const, values },
      ];
      await compare({ op: 'MUL_MAT_ID', ne: [131, 2, tokens, 1], sources }, F32_NOISE);
    }
  });
});

describe('OUT_PROD', () => {
  it.each(['F32', 'Q4_K', 'IQ4_NL', 'NVFP4'] as const)('%s rows that are columns of the result', async (blocks) => {
    const sources = [{ ne: [512, 37, 1, 1] as Dims, blocks }, { ne: [5, 37, 2, 3] as Dims }];
    await compare({ op: 'OUT_PROD', ne: [512, 5, 2, 3], sources }, F32_NOISE);
  });
});

describe('GET_ROWS', () => {
  it.each(WEIGHT_TYPES)('%s rows', async (blocks) => {
    const ids = { ne: [5, 1, 1, 1] as Dims, type: 'I32' as const, values: [8, 0, 8, 3, 1] };
    await compare({ op: 'GET_ROWS', ne: [512, 5, 1, 1], sources: [{ ne: [512, 9, 1, 1], blocks }, ids] }, EXACT);
  });

  it('ragged rows in several planes', async () => {
    const ids = { ne: [2, 3, 1, 1] as Dims, type: 'I32' as const, values: [1, 0, 2, 2, 0, 1] };
    await compare({ op: 'GET_ROWS', ne: [37, 2, 3, 1], sources: [{ ne: [37, 3, 3, 1] }, ids] }, EXACT);
  });
});

describe('copies', () => {
  const ne: Dims = [5, 3, 4, 2];
  it.each([
    ['gaps', gappedStrides('F32', ne)],
    ['transposed', transposedStrides('F32', ne)],
  ])('CONT of a view: %s', async (_name, nb) => {
    await compare({ op: 'CONT', ne, sources: [{ ne, nb, offset: 12 }] }, EXACT);
  });

  it.each<['F32' | 'F16', 'F32' | 'F16']>([
    ['F32', 'F16'],
    ['F16', 'F32'],
    ['F16', 'F16'],
  ])('CPY %s to %s, odd sizes, another shape', async (from, type) => {
    const source = { ne: [15, 7, 1, 1] as Dims, type: from, nb: gappedStrides(from, [15, 7, 1, 1]) };
    await compare({ op: 'CPY', ne: [5, 3, 7, 1], type, sources: [source] }, EXACT);
  });

  it('I32 stays as it is', async () => {
    const source = {
      ne: [7, 2, 1, 1] as Dims,
      type: 'I32' as const,
      values: Array.from({ length: 14 }, (_, i) => i - 3),
    };
    await compare({ op: 'CONT', ne: [7, 2, 1, 1], type: 'I32', sources: [source] }, EXACT);
  });
});

describe('element by element', () => {
  const ne: Dims = [6, 5, 3, 2];
  const shapes: [string, Dims, Source][] = [
    ['same shape', ne, { ne }],
    ['a row', ne, { ne: [6, 1, 1, 1] }],
    ['a scalar', ne, { ne: [1, 1, 1, 1] }],
    ['a repeated plane', ne, { ne: [3, 5, 1, 2] }],
    ['views', ne, { ne, nb: transposedStrides('F32', ne), offset: 8 }],
  ];
  it.each(shapes)('ADD and MUL with %s', async (_name, shape, second) => {
    for (const op of ['ADD', 'MUL'] as const) {
      await compare({ op, ne: shape, sources: [{ ne: shape, nb: gappedStrides('F32', shape) }, second] }, F32_NOISE);
    }
  });

  it('SCALE with and without bias', async () => {
    await compare({ op: 'SCALE', ne, params: [floatBits(0.125), 0], sources: [{ ne }] }, F32_NOISE);
    await compare({ op: 'SCALE', ne, params: [floatBits(-3), floatBits(0.7)], sources: [{ ne }] }, F32_NOISE);
  });

  const wide = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 20);
  it.each<[OpKind, number]>([
    ['SILU', 10],
    ['GELU', 8],
    ['RELU', 6],
  ])('%s from -100 to 100', async (kind, id) => {
    await compare(
      { op: 'UNARY', kind, ne: [4001, 1, 1, 1], params: [id], sources: [{ ne: [4001, 1, 1, 1], values: wide }] },
      F32_NOISE,
    );
  });

  it.each<[OpKind, number]>([
    ['REGLU', 0],
    ['GEGLU', 1],
    ['SWIGLU', 2],
  ])('%s of one tensor, swapped, and of two', async (kind, id) => {
    const half: Dims = [7, 5, 2, 1];
    const joint = { ne: [14, 5, 2, 1] as Dims, nb: [4, 80, 480, 960] as Dims, offset: 4 };
    for (const swapped of [0, 1]) {
      await compare({ op: 'GLU', kind, ne: half, params: [id, swapped], sources: [joint] }, F32_NOISE);
    }
    await compare(
      { op: 'GLU', kind, ne: half, params: [id], sources: [{ ne: half, offset: 20 }, { ne: half }] },
      F32_NOISE,
    );
  });
});

describe('RMS_NORM', () => {
  it.each([1, 63, 64, 65, 576])('rows of %i elements in a view', async (k) => {
    const ne: Dims = [k, 3, 2, 1];
    const nb: Dims = [4, 4 * k + 8, 12 * k + 40, 24 * k + 80];
    await compare({ op: 'RMS_NORM', ne, params: [floatBits(1e-5)], sources: [{ ne, nb, offset: 16 }] }, F32_NOISE);
  });
});

describe('SOFT_MAX', () => {
  const ne: Dims = [70, 5, 4, 2];
  const mask = Array.from({ length: 350 }, (_, i) => (i % 70 > Math.floor(i / 70) + 60 ? -Infinity : (i % 3) / 4));
  it.each<['F32' | 'F16', number]>([
    ['F32', 0],
    ['F16', 0],
    ['F32', 8],
  ])('mask %s, ALiBi %i', async (type, maxBias) => {
    const sources = [{ ne }, { ne: [70, 5, 1, 1] as Dims, type, values: mask }];
    await compare({ op: 'SOFT_MAX', ne, params: [floatBits(0.3), floatBits(maxBias)], sources }, F32_NOISE);
  });

  it('no mask, large scores', async () => {
    const values = randomValues(70, 3).map((x) => x * 300);
    const sources = [{ ne: [70, 1, 1, 1] as Dims, values }];
    await compare({ op: 'SOFT_MAX', ne: [70, 1, 1, 1], params: [floatBits(1)], sources }, F32_NOISE);
  });

  it('a row that is masked altogether is NaN, the others are not', async () => {
    const values = [...new Array<number>(9).fill(-Infinity), ...new Array<number>(9).fill(0)];
    const scene = sceneOf({
      op: 'SOFT_MAX',
      ne: [9, 2, 1, 1],
      params: [floatBits(1), 0],
      sources: [{ ne: [9, 2, 1, 1] }, { ne: [9, 2, 1, 1], values }],
    });
    const out = (await runOnGpu(lane, scene)).get('out');
    expect([...out.subarray(0, 9)].every(Number.isNaN)).toBe(true);
    expect(out.subarray(9).reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 6);
  });

  it('a mask and sinks with gaps', async () => {
    const gaps = { ne: [70, 5, 1, 1] as Dims, values: spaced(mask, 2), nb: [8, 560, 2800, 2800] as Dims, offset: 4 };
    const values = spaced([1, -Infinity, 0, 5], 3);
    const sinks = { ne: [4, 1, 1, 1] as Dims, values, nb: [12, 48, 48, 48] as Dims, offset: 4 };
    await compare({ op: 'SOFT_MAX', ne, params: [floatBits(2)], sources: [{ ne }, gaps, sinks] }, F32_NOISE);
  });
});

describe('ROPE', () => {
  const positions = { ne: [4, 1, 1, 1] as Dims, type: 'I32' as const, values: [0, 1, 17, 4095] };
  const params = (
    mode: number,
    dims: number,
    rest: { ext?: number; scale?: number; first?: number } = {},
  ): number[] => [
    0,
    dims,
    mode,
    0,
    4096,
    ...[10000, rest.scale ?? 1, rest.ext ?? 0, 1.3, 32, 1].map(floatBits),
    ...[0, 0, 0, 0],
    rest.first ?? 0,
  ];
  const ne: Dims = [32, 3, 4, 1];
  const view = { ne, nb: [4, 144, 500, 2000] as Dims, offset: 24 };
  const factors = { ne: [16, 1, 1, 1] as Dims, values: Array.from({ length: 16 }, (_, i) => 1 + i / 3) };
  const cases: [string, number[], Source[]][] = [
    ['NORM', params(0, 32), []],
    ['NEOX', params(2, 32), []],
    ['NORM on some channels', params(0, 20), []],
    ['NEOX on channels from an offset on', params(2, 20, { first: 6 }), []],
    ['frequency factors', params(2, 32), [factors]],
    ['YaRN', params(0, 32, { ext: 1, scale: 0.25 }), []],
    ['scaled positions', params(0, 32, { scale: 0.5 }), []],
  ];
  it.each(cases)('%s', async (_name, opParams, extra) => {
    await compare({ op: 'ROPE', ne, params: opParams, sources: [view, positions, ...extra] }, F32_NOISE);
  });

  // ggml reads both as if they were dense, so this is no case for the conformance suite
  it('positions and factors with gaps', async () => {
    const wide = {
      ...{ ...positions, type: 'I64' as const, values: spaced(positions.values, 3) },
      ...{ nb: [24, 96, 96, 96] as Dims, offset: 8 },
    };
    const gaps = { ...factors, values: spaced(factors.values, 3), nb: [12, 192, 192, 192] as Dims, offset: 4 };
    await compare({ op: 'ROPE', ne, params: params(2, 32), sources: [view, wide, gaps] }, F32_NOISE);
  });
});

describe('more workgroups than one dimension of a dispatch has', () => {
  it('SCALE of 65536 · 64 + 3 elements', async () => {
    const ne: Dims = [65536 * 64 + 3, 1, 1, 1];
    const values = new Float32Array(ne[0]).fill(0.5);
    const scene = sceneOf({ op: 'SCALE', ne, params: [floatBits(2), 0], sources: [{ ne, values }] });
    const out = (await runOnGpu(lane, scene)).get('out');
    expect(out.length).toBe(ne[0]);
    expect(out.every((x) => x === 1)).toBe(true);
  });
});
