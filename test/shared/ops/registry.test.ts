import { describe, expect, it } from 'vitest';
import { GGML_GLU_OPS, GGML_OPS, GGML_UNARY_OPS } from '../../../src/shared/graph/ggml-op';
import type { OpKind } from '../../../src/shared/graph/ggml-op';
import { OPS, whyNotMeasured } from '../../../src/shared/ops/registry';
import { contiguousShape } from '../../../src/shared/ops/tensor-shape';

describe('op registry', () => {
  it('has an entry for every op kind and none for the families UNARY and GLU', () => {
    const kinds = [...GGML_OPS.filter((op) => op !== 'UNARY' && op !== 'GLU'), ...GGML_UNARY_OPS, ...GGML_GLU_OPS];
    expect(Object.keys(OPS).sort()).toEqual([...kinds].sort());
  });

  it('computes the ops of plain architectures', () => {
    const needed: OpKind[] = ['VIEW', 'RESHAPE', 'PERMUTE', 'TRANSPOSE', 'CONT', 'CPY', 'DUP', 'GET_ROWS', 'SET_ROWS'];
    needed.push('MUL_MAT', 'MUL', 'ADD', 'SCALE', 'RMS_NORM', 'ROPE', 'SOFT_MAX', 'SILU', 'GELU', 'SWIGLU', 'GEGLU');
    expect(needed.filter((kind) => OPS[kind].how === 'unsupported')).toEqual([]);
  });

  it('says what it does not measure', () => {
    const dst = contiguousShape('F32', [1, 1, 1, 1]);
    expect(whyNotMeasured({ kind: 'OPT_STEP_ADAMW', opParams: [], dst, src: [] })).toBe('not measured: OPT_STEP_ADAMW');
  });

  it('refuses a reshape to another number of elements', () => {
    const dst = contiguousShape('F32', [3, 2, 1, 1]);
    const src = [contiguousShape('F32', [7, 1, 1, 1])];
    expect(whyNotMeasured({ kind: 'RESHAPE', opParams: [], dst, src })).toContain('another number of elements');
  });
});
