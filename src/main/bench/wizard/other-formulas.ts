/** Elementary functions as other right engines have them: f32 all along, by way of other functions. */
import { f32FromBits } from '../../../shared/base/float-bits';
import type { Turn } from './plant';
import { softMax, softMaxSettings } from './plants/attention';
import { rope, ropeSettings } from './plants/rope';

const f = Math.fround;
const exp = (x: number): number => f(2 ** f(x * f(Math.LOG2E)));
/** As GPUs have it: cancels near 0. */
const tanh = (x: number): number => (x > 20 ? 1 : f(1 - f(2 / f(exp(f(2 * x)) + 1))));
const silu = (x: number): number => f(x / f(1 + exp(-x)));
const gelu = (x: number): number =>
  f(f(0.5 * x) * f(1 + tanh(f(f(Math.sqrt(2 / Math.PI)) * f(x * f(1 + f(f(0.044715 * x) * x)))))));

const PLAIN_ROPES: readonly number[] = [0, 2];

/** Undefined where the node's op has no other formula here, or parameters that it does not know. */
export function OTHER_FORMULAS(turn: Turn): Float32Array | undefined {
  const { kind, opParams, src, ne } = turn.tensor;
  switch (kind) {
    case 'SOFT_MAX':
      if (f32FromBits(opParams[1] ?? 0) !== 0) return undefined;
      return softMax(turn.source(0), ne, { ...softMaxSettings(turn), exp });
    case 'SWIGLU':
    case 'GEGLU': {
      if (src[1] === undefined) return undefined;
      const up = turn.source(1);
      const act = kind === 'SWIGLU' ? silu : gelu;
      return turn.source(0).map((x, i) => f(act(x) * (up[i] as number)));
    }
    case 'TANH':
      return turn.source(0).map(tanh);
    case 'SILU':
      return turn.source(0).map(silu);
    case 'RMS_NORM':
      return rmsNorm(turn.source(0), ne[0], f32FromBits(opParams[0] ?? 0));
    case 'ROPE': {
      const settings = ropeSettings(turn);
      if (!PLAIN_ROPES.includes(opParams[2] ?? 0)) return undefined;
      return rope(turn.source(0), ne, { ...settings, round: f });
    }
    default:
      return undefined;
  }
}

/** By way of the root, squares added up in f32 in turn. */
function rmsNorm(x: Float32Array, width: number, epsilon: number): Float32Array {
  const out = new Float32Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    let sum = 0;
    for (let i = row; i < row + width; i++) sum = f(sum + f((x[i] as number) ** 2));
    const root = f(Math.sqrt(f(f(sum / width) + epsilon)));
    for (let i = row; i < row + width; i++) out[i] = (x[i] as number) / root;
  }
  return out;
}
