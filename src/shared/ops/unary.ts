/**
 * Functions of one value. Source: ggml-cpu/unary-ops.cpp and the activation functions of ggml-cpu/vec.h.
 *
 * `exact`: the formula in f64. `ggml`: each operation rounded to f32; GELU and GELU_QUICK through tables of 65536
 * f16 values (argument and result rounded to f16), as x86 and ARM builds do.
 */
import { f16ToF32, f32ToF16 } from '../base/float-bits';
import type { GGML_UNARY_OPS } from '../graph/ggml-op';
import type { Arithmetic, Rounding } from './arithmetic';
import { intermediateRounding } from './arithmetic';
import { erf, erfc } from './erf';
import { floatParam } from './op';
import type { FunctionOf } from './pointwise';

export type UnaryKind = (typeof GGML_UNARY_OPS)[number];

/** A function of one f32; `r` rounds intermediate results. */
type Formula = (x: number, r: Rounding) => number;

/** A formula that f64 computes better in another form. */
interface TwoForms {
  readonly exact: (x: number) => number;
  readonly ggml: (x: number) => number;
}

const f32: Rounding = Math.fround;

const sigmoid: Formula = (x, r) => r(1 / r(1 + r(Math.exp(-x))));
/** fminf(1, fmaxf(0, …)): 0 where the argument is NaN. */
const hardSigmoid: Formula = (x, r) => {
  const v = r(r(x + 3) / 6);
  return v > 0 ? Math.min(1, v) : 0;
};

/** x·σ(x), as x / (1 + e^(−x)) */
export const silu: Formula = (x, r) => r(x / r(1 + r(Math.exp(-x))));

/** The tanh form, x/2 · (1 + tanh u) with u = √(2/π) · x · (1 + 0.044715 x²); also x / (1 + e^(−2u)), which keeps small results. */
const geluTanh: TwoForms = {
  exact: (x) => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * x * (1 + 0.044715 * x * x))),
  ggml: (x) => {
    const inner = f32(f32(f32(Math.sqrt(2 / Math.PI)) * x) * f32(1 + f32(f32(f32(0.044715) * x) * x)));
    return f32(f32(0.5 * x) * f32(1 + f32(Math.tanh(inner))));
  },
};

/** The erf form, x/2 · (1 + erf(x/√2)) */
const geluErf: TwoForms = {
  exact: (x) => 0.5 * x * erfc(-x * Math.SQRT1_2),
  ggml: (x) => f32(f32(0.5 * x) * f32(1 + f32(erf(f32(x * f32(Math.SQRT1_2)))))),
};

/** x·σ(1.702 x) */
const geluQuick: Formula = (x, r) => r(x * r(1 / r(1 + r(Math.exp(r(r(-1.702) * x))))));

const expm1: TwoForms = { exact: Math.expm1, ggml: (x) => f32(Math.exp(x)) - 1 };

const softplus: TwoForms = {
  exact: (x) => (x > 20 ? x : Math.log1p(Math.exp(x))),
  ggml: (x) => (x > 20 ? x : Math.log(f32(1 + f32(Math.exp(x))))),
};

/** Values of `f` at every f16, themselves rounded to f16: ggml's lookup table, built at first use. */
function f16Table(f: (x: number) => number): (x: number) => number {
  let table: Float32Array | undefined;
  return (x) => {
    table ??= Float32Array.from({ length: 0x10000 }, (_, h) => f16ToF32(f32ToF16(f(f16ToF32(h)))));
    return table[f32ToF16(x)] as number;
  };
}

const geluTable = f16Table(geluTanh.ggml);
const geluQuickTable = f16Table((x) => geluQuick(x, f32));

/** `ggml_vec_gelu_f32`: the table between −10 and 10, the asymptotes beyond. */
const geluByTable = (x: number): number => (x <= -10 ? 0 : x >= 10 ? x : geluTable(x));

/** The activation functions shared with the gated forms in glu.ts. */
export function gelu(arithmetic: Arithmetic): (x: number) => number {
  return arithmetic === 'ggml' ? geluByTable : geluTanh.exact;
}

export function geluQuickOf(arithmetic: Arithmetic): (x: number) => number {
  return arithmetic === 'ggml' ? geluQuickTable : (x) => geluQuick(x, (v) => v);
}

export function geluErfOf(arithmetic: Arithmetic): (x: number) => number {
  return formIn(geluErf, arithmetic);
}

function formIn({ exact, ggml }: TwoForms, arithmetic: Arithmetic): (x: number) => number {
  return arithmetic === 'ggml' ? ggml : exact;
}

/** `op_xielu`; op_params[1…4]: alpha_n, alpha_p, beta, eps. */
const xielu: FunctionOf = (opParams, arithmetic) => {
  const r = intermediateRounding(arithmetic);
  const alphaN = floatParam(opParams, 1);
  const alphaP = floatParam(opParams, 2);
  const beta = floatParam(opParams, 3);
  const eps = floatParam(opParams, 4);
  return (x) =>
    x > 0
      ? r(r(r(alphaP * x) * x) + r(beta * x))
      : r(r(r(r(Math.expm1(x < eps ? x : eps)) - x) * alphaN) + r(beta * x));
};

const roundHalfAway = (x: number): number => (x < 0 ? -Math.floor(-x + 0.5) : Math.floor(x + 0.5));

const formula =
  (f: Formula): FunctionOf =>
  (_, arithmetic) => {
    const r = intermediateRounding(arithmetic);
    return (x) => f(x, r);
  };

const forms =
  (f: TwoForms): FunctionOf =>
  (_, arithmetic) =>
    formIn(f, arithmetic);

export const UNARY_FUNCTIONS: Readonly<Record<UnaryKind, FunctionOf>> = {
  ABS: formula(Math.abs),
  SGN: formula((x) => (x > 0 ? 1 : x < 0 ? -1 : 0)),
  NEG: formula((x) => -x),
  STEP: formula((x) => (x > 0 ? 1 : 0)),
  TANH: formula(Math.tanh),
  ELU: formula((x) => (x > 0 ? x : Math.expm1(x))),
  RELU: formula((x) => (x > 0 ? x : 0)),
  SIGMOID: formula(sigmoid),
  GELU: (_, arithmetic) => gelu(arithmetic),
  GELU_QUICK: (_, arithmetic) => geluQuickOf(arithmetic),
  SILU: formula(silu),
  HARDSWISH: formula((x, r) => x * hardSigmoid(x, r)),
  HARDSIGMOID: formula(hardSigmoid),
  EXP: formula(Math.exp),
  EXPM1: forms(expm1),
  SOFTPLUS: forms(softplus),
  GELU_ERF: forms(geluErf),
  XIELU: xielu,
  FLOOR: formula(Math.floor),
  CEIL: formula(Math.ceil),
  ROUND: formula(roundHalfAway),
  TRUNC: formula(Math.trunc),
};
