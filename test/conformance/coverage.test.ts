import { expect, it } from 'vitest';
import { hasKernel } from '../../src/shared/gpu/plan-op';
import type { OpKind } from '../../src/shared/graph/ggml-op';
import { OPS } from '../../src/shared/ops/registry';
import { FAMILIES } from './cases';

/** Kinds of op that the graphs of llama.cpp v0.4.0's architectures are made of, and those that captures with other settings bring. */
const IN_GRAPHS =
  'ADD CONT MUL_MAT GET_ROWS MUL SOFT_MAX SET_ROWS ROPE RMS_NORM SWIGLU MUL_MAT_ID ARGSORT SCALE CLAMP DIV SUM_ROWS ' +
  'CONCAT SIGMOID NORM CPY SILU SSM_CONV REPEAT GELU SSM_SCAN L2_NORM GATED_DELTA_NET RELU SOFTPLUS SQR TOP_K FILL ' +
  'LIGHTNING_INDEXER GEGLU TANH SQRT DSV4_HC_PRE SWIGLU_OAI DSV4_HC_COMB SWIGLU_CLAMP DSV4_HC_POST ROPE_BACK ADD_ID EXP ' +
  'ABS SGN REGLU FLASH_ATTN_EXT SUB GELU_ERF GELU_QUICK GEGLU_ERF GEGLU_QUICK ELU LEAKY_RELU SIN COS LOG GROUP_NORM PAD ' +
  'ARANGE ROLL CUMSUM TRI SOLVE_TRI RWKV_WKV6 RWKV_WKV7 GATED_LINEAR_ATTN MEAN NEG XIELU ROUND SET SUM ARGMAX IM2COL';

const VIEWS: ReadonlySet<OpKind> = new Set<OpKind>(['NONE', 'VIEW', 'RESHAPE', 'PERMUTE', 'TRANSPOSE']);

const judged = new Set(Object.values(FAMILIES).flatMap((cases) => cases.map((c) => c.kind)));
const built = (Object.keys(OPS) as OpKind[]).filter((kind) => OPS[kind].how !== 'unsupported' && !VIEWS.has(kind));

it('has a reference, a kernel and a judged case for every op of the graphs', () => {
  for (const kind of IN_GRAPHS.split(' ') as OpKind[]) {
    expect(OPS[kind].how, kind).not.toBe('unsupported');
    expect(hasKernel(kind), kind).toBe(true);
    expect(judged.has(kind), kind).toBe(true);
  }
});

it('judges every op that it computes, on both lanes', () => {
  expect(built.filter((kind) => !judged.has(kind))).toEqual([]);
  expect(built.filter((kind) => !hasKernel(kind))).toEqual([]);
});

it('names the cases of a family apart', () => {
  for (const [family, cases] of Object.entries(FAMILIES)) {
    const names = cases.map((c) => `${c.kind}: ${c.name}`);
    expect(
      names.filter((name, i) => names.indexOf(name) !== i),
      family,
    ).toEqual([]);
  }
});
