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
import { erf } from './erf';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, floatParam, forEachRow, needDecodable, needExtents, needFloatResult, sourceOf } from './op';

export type UnaryKind = (typeof GGML_UNARY_OPS)[number];

/** A function of one f32; `r` rounds intermediate results. */
type Formula = (x: number, r: Rounding) => number;

const sigmoid: Formula = (x, r) => r(1 / r(1 + r(Math.exp(-x))));
const hardSigmoid: Formula = (x, r) => Math.min(1, Math.max(0, r(r(x + 3) / 6)));

/** x·σ(x), as x / (1 + e^(−x)) */
export const silu: Formula = (x, r) => r(x / r(1 + r(Math.exp(-x))));

/** The tanh form: x/2 · (1 + tanh(√(2/π) · x · (1 + 0.044715 x²))) */
const geluTanh: Formula = (x, r) => {
  const inner = r(r(r(Math.sqrt(2 / Math.PI)) * x) * r(1 + r(r(r(0.044715) * x) * x)));
  return r(r(0.5 * x) * r(1 + r(Math.tanh(inner))));
};

/** The erf form: x/2 · (1 + erf(x/√2)) */
const geluErf: Formula = (x, r) => r(r(0.5 * x) * r(1 + r(erf(r(x * r(Math.SQRT1_2))))));

/** x·σ(1.702 x) */
const geluQuick: Formula = (x, r) => r(x * r(1 / r(1 + r(Math.exp(r(r(-1.702) * x))))));

/** Values of `formula` at every f16, themselves rounded to f16: ggml's lookup table, built at first use. */
function f16Table(formula: Formula): (x: number) => number {
  let table: Float32Array | undefined;
  return (x) => {
    table ??= Float32Array.from({ length: 0x10000 }, (_, h) => f16ToF32(f32ToF16(formula(f16ToF32(h), Math.fround))));
    return table[f32ToF16(x)] as number;
  };
}

const geluTable = f16Table(geluTanh);
const geluQuickTable = f16Table(geluQuick);

/** `ggml_vec_gelu_f32`: the table between −10 and 10, the asymptotes beyond. */
const geluByTable = (x: number): number => (x <= -10 ? 0 : x >= 10 ? x : geluTable(x));

/** The activation functions shared with the gated forms in glu.ts. */
export function gelu(arithmetic: Arithmetic): (x: number) => number {
  return arithmetic === 'ggml' ? geluByTable : (x) => geluTanh(x, (v) => v);
}

export function geluQuickOf(arithmetic: Arithmetic): (x: number) => number {
  return arithmetic === 'ggml' ? geluQuickTable : (x) => geluQuick(x, (v) => v);
}

export function geluErfOf(arithmetic: Arithmetic): (x: number) => number {
  const r = intermediateRounding(arithmetic);
  return (x) => geluErf(x, r);
}

/** `op_xielu`; op_params[1…4]: alpha_n, alpha_p, beta, eps. */
function xielu(opParams: readonly number[], r: Rounding): (x: number) => number {
  const [alphaN, alphaP, beta, eps] = [1, 2, 3, 4].map((i) => floatParam(opParams, i)) as [
    number,
    number,
    number,
    number,
  ];
  return (x) =>
    x > 0 ? r(r(r(alphaP * x) * x) + r(beta * x)) : r(r(r(r(Math.expm1(Math.min(x, eps))) - x) * alphaN) + r(beta * x));
}

const roundHalfAway = (x: number): number => (x < 0 ? -Math.floor(-x + 0.5) : Math.floor(x + 0.5));

const FORMULAS: Readonly<Record<Exclude<UnaryKind, 'GELU' | 'GELU_QUICK' | 'XIELU'>, Formula>> = {
  ABS: (x) => Math.abs(x),
  SGN: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0),
  NEG: (x) => -x,
  STEP: (x) => (x > 0 ? 1 : 0),
  TANH: (x) => Math.tanh(x),
  ELU: (x) => (x > 0 ? x : Math.expm1(x)),
  RELU: (x) => (x > 0 ? x : 0),
  SIGMOID: sigmoid,
  SILU: silu,
  HARDSWISH: (x, r) => x * hardSigmoid(x, r),
  HARDSIGMOID: hardSigmoid,
  EXP: (x) => Math.exp(x),
  EXPM1: (x, r) => r(Math.exp(x)) - 1,
  SOFTPLUS: (x, r) => (x > 20 ? x : Math.log(r(1 + r(Math.exp(x))))),
  GELU_ERF: geluErf,
  FLOOR: (x) => Math.floor(x),
  CEIL: (x) => Math.ceil(x),
  ROUND: roundHalfAway,
  TRUNC: (x) => Math.trunc(x),
};

function functionOf(kind: UnaryKind, call: OpCall): (x: number) => number {
  const r = intermediateRounding(call.arithmetic);
  if (kind === 'GELU') return gelu(call.arithmetic);
  if (kind === 'GELU_QUICK') return geluQuickOf(call.arithmetic);
  if (kind === 'XIELU') return xielu(call.opParams, r);
  const formula = FORMULAS[kind];
  return (x) => formula(x, r);
}

function check(node: OpShape): string | undefined {
  return firstOf(needDecodable(node, 0), needFloatResult(node), needExtents(node, 0, node.dst.ne));
}

/** dst = f(x) for every element. */
export function unaryOp(kind: UnaryKind): InlineOp {
  return {
    how: 'inline',
    check,
    compute: (call) => {
      const source = sourceOf(call, 0);
      const f = functionOf(kind, call);
      const row = new Float32Array(source.ne[0]);
      forEachRow(source.ne, (i1, i2, i3) => {
        source.readRow(i1, i2, i3, row, 0);
        for (let i = 0; i < row.length; i++) row[i] = f(row[i] as number);
        call.dst.writeRow(i1, i2, i3, row, 0);
      });
    },
  };
}
