import type { OpCases } from '../op-case';
import { ARRANGE } from './arrange';
import { CONVOLUTION } from './convolution';
import { COPY } from './copy';
import { DIAGONALS } from './diagonals';
import { ELEMENTWISE } from './elementwise';
import { GENERATE } from './generate';
import { GLU } from './glu';
import { LINEAR_ATTENTION } from './linear-attention';
import { SSM } from './ssm';
import { TRIANGULAR } from './triangular';
import { MAT_MUL } from './mat-mul';
import { MAT_MUL_ID } from './mat-mul-id';
import { NORM } from './norm';
import { REDUCTIONS } from './reductions';
import { ROPE } from './rope';
import { FLASH_ATTENTION } from './flash-attention';
import { ROWS } from './rows';
import { SORT } from './sort';
import { HYPER_CONNECTIONS } from './hyper-connections';
import { INDEXER } from './indexer';
import { SOFT_MAX } from './soft-max';
import { UNARY } from './unary';

/** Every family of cases by the name of its file. */
export const FAMILIES: Readonly<Record<string, OpCases>> = {
  copy: COPY,
  rows: ROWS,
  arrange: ARRANGE,
  diagonals: DIAGONALS,
  generate: GENERATE,
  sort: SORT,
  elementwise: ELEMENTWISE,
  unary: UNARY,
  glu: GLU,
  norm: NORM,
  'mat-mul': MAT_MUL,
  'mat-mul-id': MAT_MUL_ID,
  reductions: REDUCTIONS,
  convolution: CONVOLUTION,
  ssm: SSM,
  'linear-attention': LINEAR_ATTENTION,
  triangular: TRIANGULAR,
  rope: ROPE,
  'soft-max': SOFT_MAX,
  'flash-attention': FLASH_ATTENTION,
  indexer: INDEXER,
  'hyper-connections': HYPER_CONNECTIONS,
};
