import type { Hypothesis, Variant } from '../../hypothesis';
import { toF16 } from '../../narrow-floats';
import type { Site } from '../../site';
import { valuesOf } from '../../site';
import { halvesOf, isGlu } from './gated';

type Round = (x: number) => number;
/** A formula whose intermediate results overflow; `r` rounds each. */
type Naive = (x: number, r: Round) => number;

/** (e^2x − 1) / (e^2x + 1): infinite over infinite from x = 44.4 on (f32) or 5.6 (f16). */
const tanh: Naive = (x, r) => {
  const e = r(Math.exp(r(2 * x)));
  return r(r(e - 1) / r(e + 1));
};
/** (e^x − e^−x) / (e^x + e^−x): infinite over infinite on both sides. */
const symmetricTanh: Naive = (x, r) => {
  const [up, down] = [r(Math.exp(x)), r(Math.exp(-x))];
  return r(r(up - down) / r(up + down));
};
/** e^x / (1 + e^x) */
const sigmoid: Naive = (x, r) => {
  const e = r(Math.exp(x));
  return r(e / r(1 + e));
};
const geluWith =
  (t: Naive): Naive =>
  (x, r) => {
    const inner = r(r(Math.sqrt(2 / Math.PI) * x) * r(1 + r(r(0.044715 * x) * x)));
    return r(r(0.5 * x) * r(1 + t(inner, r)));
  };

const FORMULAS: Readonly<Record<string, readonly (readonly [string, Naive])[]>> = {
  TANH: [
    ['(e^2x − 1) / (e^2x + 1)', tanh],
    ['(e^x − e^−x) / (e^x + e^−x)', symmetricTanh],
  ],
  SIGMOID: [['e^x / (1 + e^x)', sigmoid]],
  SILU: [
    ['x e^x / (1 + e^x)', (x, r) => r(r(x * r(Math.exp(x))) / r(1 + r(Math.exp(x))))],
    ['x σ(x)', (x, r) => r(x * sigmoid(x, r))],
  ],
  GELU: [
    ['tanh by (e^2x − 1) / (e^2x + 1)', geluWith(tanh)],
    ['tanh by (e^x − e^−x) / (e^x + e^−x)', geluWith(symmetricTanh)],
  ],
  GELU_QUICK: [['x e^1.702x / (1 + e^1.702x)', (x, r) => r(x * sigmoid(r(1.702 * x), r))]],
  SOFTPLUS: [['log(1 + e^x)', (x, r) => r(Math.log(r(1 + r(Math.exp(x)))))]],
  EXP: [['e^x', (x, r) => r(Math.exp(x))]],
};
const ACTIVATION_OF: Readonly<Record<string, string>> = { SWIGLU: 'SILU', GEGLU: 'GELU', GEGLU_QUICK: 'GELU_QUICK' };

export const EXP_OVERFLOW: Hypothesis = {
  id: 'exp-overflow',
  title: 'overflow of exp inside an activation function',
  explanation:
    'The function is computed by a formula whose exp overflows on large arguments: infinite over infinite is NaN. Small ' +
    'arguments come out right, so that only rare elements are NaN or infinite.',
  whereToLook: 'The formula of tanh, sigmoid, GELU or softplus in the kernel: bound the argument, or use exp(−|x|).',
  citations: ['ggml-org/llama.cpp#12776', 'ggml-org/llama.cpp#10723', 'ggml-org/llama.cpp#22808'],
  catalogue: [20],
  generality: 1,
  byRange: true,
  *variants(site) {
    const { kind } = site.node;
    for (const [label, formula] of FORMULAS[ACTIVATION_OF[kind] ?? kind] ?? []) {
      for (const [type, round] of [
        ['f32', Math.fround],
        ['f16', toF16],
      ] as const) {
        if (overflows(site, formula, round)) yield variantOf(`${label} in ${type}`, formula, round);
      }
    }
  },
};

function argumentsOf(site: Site): Float32Array {
  return isGlu(site.node.kind) ? halvesOf(site).gate : valuesOf(site, 0);
}

/** Whether it does on the largest or least argument. */
function overflows(site: Site, formula: Naive, round: Round): boolean {
  let [low, high] = [0, 0];
  for (const x of argumentsOf(site)) {
    if (x > high) high = x;
    else if (x < low) low = x;
  }
  return !Number.isFinite(formula(low, round)) || !Number.isFinite(formula(high, round));
}

function variantOf(label: string, formula: Naive, round: Round): Variant {
  return {
    label,
    parameters: { formula: label },
    predict: (s) => {
      const x = argumentsOf(s);
      const up = isGlu(s.node.kind) ? halvesOf(s).up : undefined;
      const out = new Float32Array(x.length);
      for (let i = 0; i < out.length; i++) out[i] = formula(x[i]!, round) * (up ? up[i]! : 1);
      return out;
    },
  };
}
