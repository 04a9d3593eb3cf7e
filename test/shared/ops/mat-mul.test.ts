import { describe, expect, it } from 'vitest';
import { Control } from '../../../src/shared/base/control';
import type { Dims } from '../../../src/shared/graph/graph';
import { jobOf, memorySource, planMatMul, sharedPasses } from '../../../src/shared/ops/compute-node';
import { executeGraph } from '../../../src/shared/ops/executor';
import { repeatedColumns } from '../../../src/shared/ops/mat-mul-columns';
import { createInlineEngine, multiplyHere } from '../../../src/shared/ops/mat-mul-engine';
import { chunkCount, rowsPerChunk } from '../../../src/shared/ops/mat-mul-kernel';
import { allocateLocal } from '../../../src/shared/ops/memory';
import type { MemoryTensor } from '../../../src/shared/ops/operand';
import { gatherF32 } from '../../../src/shared/ops/operand';
import { contiguousStrides } from '../../../src/shared/ops/tensor-shape';
import type { GgmlTypeName } from '../../../src/shared/quant/ggml-type';
import { supportedFormat } from '../../../src/shared/quant/registry';
import { finiteBlock } from '../../helpers/blocks';
import { checkpointsOf, GraphBuilder, weightsOf } from './graph-builder';
import {
  blockTensor,
  build,
  complaint,
  countOf,
  elementAt,
  gappedStrides,
  nmse,
  randomValues,
  runOp,
  tensor,
  transposedStrides,
} from './op-helpers';

/** C[i0, i1, i2, i3] = Σₖ A[k, i0, i2/r2, i3/r3] × B[k, i1, i2, i3], term by term. */
function straightforward(a: ArrayLike<number>, aNe: Dims, b: ArrayLike<number>, bNe: Dims): Float32Array {
  const ne: Dims = [aNe[1], bNe[1], bNe[2], bNe[3]];
  return build(ne, ([i0, i1, i2, i3]) => {
    let sum = 0;
    const j2 = Math.floor(i2 / (bNe[2] / aNe[2]));
    const j3 = Math.floor(i3 / (bNe[3] / aNe[3]));
    for (let k = 0; k < aNe[0]; k++) sum += elementAt(a, aNe, [k, i0, j2, j3]) * elementAt(b, bNe, [k, i1, i2, i3]);
    return sum;
  });
}

const SHAPES: readonly (readonly [string, Dims, Dims])[] = [
  ['a matrix and one column', [7, 5, 1, 1], [7, 1, 1, 1]],
  ['odd sizes', [13, 3, 1, 1], [13, 7, 1, 1]],
  ['grouped heads (2 for 6)', [8, 5, 2, 1], [8, 3, 6, 1]],
  ['repeated over both outer dimensions', [4, 3, 2, 3], [4, 2, 4, 6]],
  ['one plane for all', [6, 4, 1, 1], [6, 2, 3, 2]],
];

describe('MUL_MAT', () => {
  it.each(SHAPES)('multiplies %s', (_name, aNe, bNe) => {
    const a = randomValues(countOf(aNe), 1);
    const b = randomValues(countOf(bNe), 2);
    const ne: Dims = [aNe[1], bNe[1], bNe[2], bNe[3]];
    expect(runOp({ kind: 'MUL_MAT', ne, src: [tensor(aNe, a), tensor(bNe, b)] })).toEqual(
      straightforward(a, aNe, b, bNe),
    );
  });

  it('reads an f16 cache through strides and a gapped, offset B', () => {
    const aNe: Dims = [6, 5, 2, 1];
    const bNe: Dims = [6, 3, 4, 1];
    // As the K cache is laid out: all heads of a position lie together.
    const a = tensor(aNe, randomValues(60, 3), { type: 'F16', nb: [2, 24, 12, 120], offset: 8 });
    const b = tensor(bNe, randomValues(72, 4), { nb: gappedStrides('F32', bNe), offset: 4 });
    expect(runOp({ kind: 'MUL_MAT', ne: [5, 3, 4, 1], src: [a, b] })).toEqual(
      straightforward(gatherF32(a), aNe, gatherF32(b), bNe),
    );
  });

  it('adds up in f64: what f32 would round away stays', () => {
    const a = tensor([3, 1, 1, 1], [2 ** 24, 1, -(2 ** 24)]);
    const b = tensor([3, 1, 1, 1], [1, 1, 1]);
    expect([...runOp({ kind: 'MUL_MAT', ne: [1, 1, 1, 1], src: [a, b] })]).toEqual([1]);
  });

  it('lets one NaN or infinite activation reach only its own column', () => {
    const b = tensor([2, 3, 1, 1], [1, 1, NaN, 1, Infinity, 1]);
    const got = runOp({ kind: 'MUL_MAT', ne: [1, 3, 1, 1], src: [tensor([2, 1, 1, 1], [1, 2]), b] });
    expect([...got]).toEqual([3, NaN, Infinity]);
  });

  it('gives zeros for rows of no elements', () => {
    const src = [tensor([0, 2, 1, 1], []), tensor([0, 3, 1, 1], [])];
    expect([...runOp({ kind: 'MUL_MAT', ne: [2, 3, 1, 1], src })]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

const QUANTIZED: readonly (readonly [GgmlTypeName, readonly number[], number])[] = [
  ['Q4_0', [0], 96],
  ['Q4_1', [0, 2], 96],
  ['Q5_0', [0], 96],
  ['Q5_1', [0, 2], 96],
  ['Q8_0', [0], 96],
  ['Q4_K', [0, 2], 512],
  ['Q5_K', [0, 2], 512],
  ['Q6_K', [208], 512],
];

function quantizedMatrix(type: GgmlTypeName, halfOffsets: readonly number[], ne: Dims): Uint8Array {
  const { blockBytes, blockElements } = supportedFormat(type);
  const blocks = countOf(ne) / blockElements;
  const bytes = new Uint8Array(blocks * blockBytes);
  for (let i = 0; i < blocks; i++) bytes.set(finiteBlock(type, halfOffsets, i), i * blockBytes);
  return bytes;
}

describe.each(QUANTIZED)('MUL_MAT with %s', (type, halfOffsets, k) => {
  const aNe: Dims = [k, 5, 2, 1];
  const bNe: Dims = [k, 3, 4, 1];
  const a = blockTensor(type, aNe, quantizedMatrix(type, halfOffsets, aNe));
  const b = randomValues(countOf(bNe), 8);

  it('equals the product with the decoded matrix', () => {
    expect(runOp({ kind: 'MUL_MAT', ne: [5, 3, 4, 1], src: [a, tensor(bNe, b)] })).toEqual(
      straightforward(gatherF32(a), aNe, b, bNe),
    );
  });

  it('differs a little in ggml arithmetic, whose activations have 8 bits', () => {
    const exact = runOp({ kind: 'MUL_MAT', ne: [5, 3, 4, 1], src: [a, tensor(bNe, b)] });
    const ggml = runOp({ kind: 'MUL_MAT', ne: [5, 3, 4, 1], src: [a, tensor(bNe, b)], arithmetic: 'ggml' });
    expect(nmse(ggml, exact)).toBeGreaterThan(1e-8);
    expect(nmse(ggml, exact)).toBeLessThan(1e-3);
  });

  it('computes several arithmetics in one pass to the bits of single ones', () => {
    const arithmetics = ['exact', 'ggml', 'f16', 'bf16'] as const;
    const results = arithmetics.map(() => tensor([5, 3, 4, 1], []));
    const plans = arithmetics.map((arithmetic, i) =>
      planMatMul(
        {
          kind: 'MUL_MAT',
          opParams: [],
          sources: [memorySource(a, true), memorySource(tensor(bNe, b))],
          dst: results[i]!,
        },
        arithmetic,
        allocateLocal,
      ),
    );
    multiplyHere(jobOf(plans), { kind: 'memory', memory: a.memory });
    arithmetics.slice(0, 2).forEach((arithmetic, i) => {
      const alone = runOp({ kind: 'MUL_MAT', ne: [5, 3, 4, 1], src: [a, tensor(bNe, b)], arithmetic });
      expect(gatherF32(results[i]!)).toEqual(alone);
    });
    expect(nmse(gatherF32(results[2]!), gatherF32(results[0]!))).toBeLessThan(1e-6);
    expect(nmse(gatherF32(results[3]!), gatherF32(results[0]!))).toBeLessThan(1e-4);
  });
});

describe('chunks', () => {
  it('cut rows without changing a bit, and never across planes', () => {
    const aNe: Dims = [1024, 70, 2, 1];
    const bNe: Dims = [1024, 2, 2, 1];
    const a = tensor(aNe, randomValues(countOf(aNe), 6));
    const b = tensor(bNe, randomValues(countOf(bNe), 7));
    const pairs = repeatedColumns(aNe, bNe, allocateLocal);
    const job = { type: 'F32' as const, ne: aNe, nb: contiguousStrides('F32', aNe), offset: 0, pairs, sets: [] };
    expect(rowsPerChunk(job)).toBe(32);
    expect(chunkCount(job)).toBe(6);
    expect(runOp({ kind: 'MUL_MAT', ne: [70, 2, 2, 1], src: [a, b] })).toEqual(
      straightforward(gatherF32(a), aNe, gatherF32(b), bNe),
    );
  });
});

describe('shape rule', () => {
  const b = tensor([4, 2, 3, 1], []);

  it('says what does not fit', () => {
    const ne: Dims = [5, 2, 3, 1];
    expect(complaint({ kind: 'MUL_MAT', ne, src: [tensor([5, 5, 1, 1], []), b] })).toBe(
      'not measured: MUL_MAT (A [5, 5, 1, 1] does not fit B [4, 2, 3, 1])',
    );
    expect(complaint({ kind: 'MUL_MAT', ne, src: [tensor([4, 5, 2, 1], []), b] })).toContain('does not fit');
    expect(complaint({ kind: 'MUL_MAT', ne: [6, 2, 3, 1], src: [tensor([4, 5, 1, 1], []), b] })).toContain(
      '[5, 2, 3, 1]',
    );
  });

  it('names a type that holds no weights', () => {
    const a = blockTensor('I8', [256, 1, 1, 1], new Uint8Array(256));
    expect(complaint({ kind: 'MUL_MAT', ne: [1, 1, 1, 1], src: [a, tensor([256, 1, 1, 1], [])] })).toBe(
      'not measured: MUL_MAT (source 0 is I8, which cannot be decoded)',
    );
  });
});

describe('MUL_MAT_ID', () => {
  const aNe: Dims = [7, 5, 4, 1];
  const bNe: Dims = [7, 2, 3, 1];
  const ne: Dims = [5, 2, 3, 1];
  const a = tensor(aNe, randomValues(countOf(aNe), 1));
  const b = tensor(bNe, randomValues(countOf(bNe), 2));
  const idsOf = (values: readonly number[], nb?: Dims) =>
    tensor([2, 3, 1, 1], values, { type: 'I32', ...(nb ? { nb } : {}) });
  const chosen = [3, 0, 1, 3, 3, 2];

  function expected(columns: number): Float32Array {
    return build(ne, ([i0, j, t]) => {
      let sum = 0;
      for (let k = 0; k < 7; k++) {
        sum +=
          elementAt(gatherF32(a), aNe, [k, i0, chosen[2 * t + j]!, 0]) *
          elementAt(gatherF32(b), bNe, [k, j % columns, t, 0]);
      }
      return sum;
    });
  }

  it('multiplies every column with its own expert', () => {
    expect(runOp({ kind: 'MUL_MAT_ID', ne, src: [a, b, idsOf(chosen)] })).toEqual(expected(2));
    expect(runOp({ kind: 'MUL_MAT_ID', ne, src: [a, b, idsOf(chosen, [8, 40, 120, 120])] })).toEqual(expected(2));
  });

  it('repeats the one column of a token', () => {
    const one = tensor(
      [7, 1, 3, 1],
      gatherF32(b).filter((_, i) => i % 14 < 7),
    );
    expect(runOp({ kind: 'MUL_MAT_ID', ne, src: [a, one, idsOf(chosen)] })).toEqual(expected(1));
  });

  it('says which token chooses an expert that is not there', () => {
    const src = [a, b, idsOf([3, 0, 1, 4, 3, 2])];
    expect(() => runOp({ kind: 'MUL_MAT_ID', ne, src })).toThrow('MUL_MAT_ID: token 1 chooses expert 4 of 4 (slot 1)');
    expect(() => runOp({ kind: 'MUL_MAT_ID', ne, src: [a, b, idsOf([-1, 0, 1, 3, 3, 2])] })).toThrow('expert -1 of 4');
  });

  it('says what does not fit', () => {
    const complain = (src: MemoryTensor[]): string | undefined => complaint({ kind: 'MUL_MAT_ID', ne, src });
    expect(complain([a, b, tensor([2, 3, 1, 1], [])])).toContain('source 2 is F32; I32 expert numbers are expected');
    expect(complain([a, b, tensor([2, 4, 1, 1], [], { type: 'I32' })])).toContain(
      '[2, 4, 1, 1] do not fit B [7, 2, 3, 1]',
    );
    expect(complain([a, b, tensor([3, 3, 1, 1], [], { type: 'I32' })])).toContain('do not fit');
    expect(complain([a, b])).toBe('not measured: MUL_MAT_ID (source 2 is missing)');
  });

  /** Experts of 64 × 512, more than what is read whole; the offsets at which they are read. */
  async function runModel(ids: readonly number[]): Promise<readonly number[]> {
    const g = new GraphBuilder();
    const experts = g.leaf('weight', 'experts', [64, 512, 16, 1]);
    const x = g.leaf('input', 'x', [64, 1, 2, 1]);
    const chosen = g.leaf('input', 'ids', [2, 2, 1, 1], 'I32');
    g.node('up', 'MUL_MAT_ID', [512, 2, 2, 1], [experts, x, chosen]);
    const weights = weightsOf({
      experts: { type: 'F32', ne: [64, 512, 16, 1], bytes: new Uint8Array(64 * 512 * 16 * 4) },
    });
    const read: number[] = [];
    await executeGraph(
      {
        graph: g.build(),
        weights: {
          ...weights,
          tensor: (name) => {
            const found = weights.tensor(name);
            if (!found) return undefined;
            const copyInto: typeof found.copyInto = (offset, ...rest) => {
              read.push(offset);
              found.copyInto(offset, ...rest);
            };
            return { ...found, copyInto };
          },
        },
        captured: checkpointsOf('the capture', { 'leaf:x': randomValues(128), 'leaf:ids': Int32Array.from(ids) }),
        mode: { kind: 'free' },
        control: new Control(() => undefined),
      },
      {
        arithmetics: ['exact', 'ggml'],
        engine: createInlineEngine(),
        onNode: () => undefined,
        onNotMeasured: () => undefined,
      },
    );
    return read;
  }

  it('never reads an expert that no token uses, and each row once for all arithmetics', async () => {
    const expertBytes = 64 * 512 * 4;
    const read = await runModel([9, 2, 2, 5]);
    expect([...new Set(read.map((at) => Math.floor(at / expertBytes)))]).toEqual([2, 5, 9]);
    expect(new Set(read).size).toBe(read.length);
  });

  it('names the node whose experts are not there', async () => {
    await expect(runModel([9, 2, 16, 5])).rejects.toThrow('up: MUL_MAT_ID: token 1 chooses expert 16 of 16 (slot 0)');
  });

  it('goes apart where arithmetics chose different experts', () => {
    const plans = [chosen, [0, 0, 0, 0, 0, 0]].map((ids) =>
      planMatMul(
        {
          kind: 'MUL_MAT_ID',
          opParams: [],
          sources: [a, b, idsOf(ids)].map((t) => memorySource(t)),
          dst: tensor(ne, []),
        },
        'exact',
        allocateLocal,
      ),
    );
    expect(sharedPasses(plans)).toEqual(plans.map((plan) => [plan]));
    expect(sharedPasses([plans[0]!, plans[0]!])).toHaveLength(1);
  });
});

describe('OUT_PROD', () => {
  it('multiplies columns with columns and repeats the planes of A', () => {
    const aNe: Dims = [3, 4, 2, 1];
    const bNe: Dims = [5, 4, 4, 2];
    const ne: Dims = [3, 5, 4, 2];
    const a = tensor(aNe, randomValues(24, 3), { nb: gappedStrides('F32', aNe) });
    const b = tensor(bNe, randomValues(160, 4), { nb: transposedStrides('F32', bNe) });
    const expected = build(ne, ([i0, i1, i2, i3]) => {
      let sum = 0;
      for (let k = 0; k < 4; k++) {
        sum +=
          elementAt(gatherF32(a), aNe, [i0, k, Math.floor(i2 / 2), 0]) * elementAt(gatherF32(b), bNe, [i1, k, i2, i3]);
      }
      return sum;
    });
    expect(runOp({ kind: 'OUT_PROD', ne: ne, src: [a, b] })).toEqual(expected);
  });

  it('says what does not fit', () => {
    const src = [tensor([3, 4, 1, 1], []), tensor([5, 3, 1, 1], [])];
    expect(complaint({ kind: 'OUT_PROD', ne: [3, 5, 1, 1], src })).toBe(
      'not measured: OUT_PROD (A [3, 4, 1, 1] does not fit B [5, 3, 1, 1])',
    );
  });
});
