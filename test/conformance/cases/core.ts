import type { OpCases } from '../op-case';

/** The ops of the first models: arithmetic with broadcasting, mat-mul, rows, norms. */
export const CORE: OpCases = [
  { kind: 'ADD', name: 'a repeated row', build: (g) => g.op('ggml_add', 'TT', g.f32([7, 5, 3]), g.f32([7])) },
  {
    kind: 'MUL_MAT',
    name: 'Q4_K, ragged rows and columns',
    build: (g) => g.op('ggml_mul_mat', 'TT', g.weight('Q4_K', [512, 13]), g.f32([512, 5])),
  },
  { kind: 'RMS_NORM', name: 'rows of 67', build: (g) => g.op('ggml_rms_norm', 'Tf', g.f32([67, 3]), 1e-5) },
];
