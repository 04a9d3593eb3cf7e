import type { Hypothesis, Variant } from '../../hypothesis';
import { evaluateChanged, valuesOf } from '../../site';
import { weightOf } from './weight-site';

/** Elements that share a scale; 0: a whole row. */
const GROUPS = [0, 32, 64, 128, 256];
const GREATEST = 127;

export const ACTIVATION_PRECISION: Hypothesis = {
  id: 'activation-precision',
  title: 'activations are quantized to 8 bits, more coarsely than llama.cpp does',
  explanation:
    'Before the mat-mul each row of activations is rounded to int8 with one scale for a row, or for a group of elements. ' +
    'llama.cpp’s CPU does so in blocks of 32 (256 for K-quants); with larger groups one large element costs all others ' +
    'their precision.',
  whereToLook:
    'How the kernel quantizes its input: the size of a group, the scale (largest magnitude / 127), rounding. If that is ' +
    'meant, this is the price of it, not a bug.',
  citations: [],
  catalogue: [],
  generality: 1,
  rounds: () => ({ part: 'activations', to: 'Q8' }),
  *variants(site) {
    const weight = weightOf(site);
    if (!weight || (site.node.kind !== 'MUL_MAT' && site.node.kind !== 'MUL_MAT_ID')) return;
    const [k] = weight.ne;
    for (const group of GROUPS) {
      const size = group === 0 ? k : group;
      if (k % size === 0 && (group === 0 || size < k)) yield quantized(group === 0 ? 'row' : `${group}`, size);
    }
  },
};

function quantized(label: string, size: number): Variant {
  return {
    label: `int8, a scale per ${label}`,
    parameters: { type: 'int8', scalePer: label },
    predict: (s) => evaluateChanged(s, { sources: new Map([[1, toInt8(valuesOf(s, 1), size)]]) }),
  };
}

function toInt8(values: Float32Array, size: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += size) {
    let most = 0;
    for (let i = at; i < at + size; i++) most = Math.max(most, Math.abs(values[i]!));
    const scale = most / GREATEST;
    for (let i = at; i < at + size; i++) out[i] = scale === 0 ? 0 : Math.round(values[i]! / scale) * scale;
  }
  return out;
}
