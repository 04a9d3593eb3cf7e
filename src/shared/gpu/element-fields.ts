import { assert } from '../base/assert';
import type { GgmlTypeName } from '../quant/ggml-type';
import { supportedFormat } from '../quant/registry';
import { codebookOf } from './codebooks';

/**
 * What a decoder knows of one element on the way to its value; in the order of the constants of
 * `shaders/lib/note-fields.wgsl`, which say what each is.
 */
export const PROBE_FIELDS = [
  'd',
  'dmin',
  'scale',
  'min',
  'code',
  'grid',
  'sign',
  'delta',
  'd_scale',
  'dmin_min',
  'value',
] as const;
export type ProbeFieldName = (typeof PROBE_FIELDS)[number];

/** Fields of one block by element: every array has one f32 per element. */
export type ElementFields = Partial<Record<ProbeFieldName, Float32Array<ArrayBuffer>>>;

/** A block's decoded field (quant/format.ts) by its name. */
type Fields = (name: string) => readonly number[];

/** Fields of a block; a list of fewer values than elements gives each to as many elements in a row. */
type Parts = Partial<Record<Exclude<ProbeFieldName, 'd_scale' | 'dmin_min' | 'grid' | 'value'>, readonly number[]>>;

const plus = (a: readonly number[], b: readonly number[], factor: number): number[] =>
  a.map((x, i) => x + (b[i] as number) * factor);
const minus = (a: readonly number[], n: number): number[] => a.map((x) => x - n);
/** Stored scales as the I-quants' formulas use them. */
const odd = (scales: readonly number[]): number[] => scales.map((s) => 2 * s + 1);
const shifted = (scales: readonly number[], factor: number): number[] => scales.map((s) => (s + 0.5) * factor);

const none = (): Parts => ({});
const d_qs = (f: Fields): Parts => ({ d: f('d'), code: f('qs') });
const d_m_qs = (f: Fields): Parts => ({ d: f('d'), dmin: f('m'), code: f('qs') });

/** From the fields that the inspector shows to what the formula works with. */
const PARTS: Readonly<Record<GgmlTypeName, (f: Fields) => Parts>> = {
  ...{ F64: none, F32: none, F16: none, BF16: none, I8: none, I16: none, I32: none, I64: none },
  Q1_0: d_qs,
  Q2_0: (f) => ({ d: f('d'), code: minus(f('qs'), 1) }),
  Q4_0: (f) => ({ d: f('d'), code: minus(f('qs'), 8) }),
  Q4_1: d_m_qs,
  Q5_0: (f) => ({ d: f('d'), code: minus(plus(f('qs'), f('qh'), 16), 16) }),
  Q5_1: (f) => ({ ...d_m_qs(f), code: plus(f('qs'), f('qh'), 16) }),
  Q8_0: d_qs,
  Q8_1: d_qs,
  Q8_K: d_qs,
  Q2_K: (f) => ({ ...d_qs(f), dmin: f('dmin'), scale: f('scales'), min: f('mins') }),
  Q3_K: (f) => ({ d: f('d'), scale: f('scales'), code: minus(plus(f('qs'), f('hmask'), 4), 4) }),
  Q4_K: (f) => ({ ...d_qs(f), dmin: f('dmin'), scale: f('scales'), min: f('mins') }),
  Q5_K: (f) => ({
    ...{ d: f('d'), dmin: f('dmin'), scale: f('scales'), min: f('mins') },
    code: plus(f('qs'), f('qh'), 16),
  }),
  Q6_K: (f) => ({ d: f('d'), scale: f('scales'), code: minus(plus(f('ql'), f('qh'), 16), 32) }),
  IQ1_S: (f) => ({ d: f('d'), scale: odd(f('scales')), code: plus(f('qs'), f('qh'), 256), delta: f('delta') }),
  IQ1_M: (f) => ({ d: f('d'), scale: odd(f('scales')), code: plus(f('qs'), f('qh'), 256), delta: f('delta') }),
  IQ2_XXS: (f) => ({ d: f('d'), scale: shifted(f('scales'), 0.25), code: f('grid'), sign: f('signs') }),
  IQ2_XS: (f) => ({ d: f('d'), scale: shifted(f('scales'), 0.25), code: f('grid'), sign: f('signs') }),
  IQ2_S: (f) => ({
    ...{ d: f('d'), scale: shifted(f('scales'), 0.25), sign: f('signs') },
    code: plus(f('qs'), f('qh'), 256),
  }),
  IQ3_XXS: (f) => ({ d: f('d'), scale: shifted(f('scales'), 0.5), code: f('qs'), sign: f('signs') }),
  IQ3_S: (f) => ({ d: f('d'), scale: odd(f('scales')), code: plus(f('qs'), f('qh'), 256), sign: f('signs') }),
  IQ4_NL: d_qs,
  IQ4_XS: (f) => ({ ...d_qs(f), scale: f('scales') }),
  TQ1_0: (f) => ({ d: f('d'), code: minus([...f('qs'), ...f('qh')], 1) }),
  TQ2_0: (f) => ({ d: f('d'), code: minus(f('qs'), 1) }),
  MXFP4: (f) => ({ d: f('e'), code: f('qs') }),
  NVFP4: d_qs,
};

/** What the CPU's decoder has for each element of a block: its fields, their products and the values. */
export function elementFields(type: GgmlTypeName, block: Uint8Array): ElementFields {
  const { blockElements, fields, dequantize } = supportedFormat(type);
  const known = new Map(fields(block).map(({ name, values }) => [name, values]));
  const parts = PARTS[type]((name) => {
    const values = known.get(name);
    assert(values, `${type} has no field ${name}`);
    return values;
  });
  const spread: ElementFields = {};
  for (const [name, values] of Object.entries(parts) as [keyof Parts, readonly number[]][]) {
    spread[name] = spreadOver(blockElements, values);
  }
  const grid = parts.code && gridOf(type, parts.code, blockElements);
  const value = new Float32Array(blockElements);
  dequantize(block, 0, 1, value, 0);
  return {
    ...spread,
    ...(grid ? { grid } : {}),
    ...(spread.d && spread.scale ? { d_scale: product(spread.d, spread.scale) } : {}),
    ...(spread.dmin && spread.min ? { dmin_min: product(spread.dmin, spread.min) } : {}),
    value,
  };
}

function spreadOver(elements: number, values: readonly number[]): Float32Array<ArrayBuffer> {
  const run = elements / values.length;
  assert(Number.isInteger(run), `${values.length} values for ${elements} elements`);
  return Float32Array.from({ length: elements }, (_, e) => values[Math.floor(e / run)] as number);
}

/** What the codes stand for: an entry of the codebook has as many values as elements share a code. */
function gridOf(type: GgmlTypeName, codes: readonly number[], elements: number): Float32Array<ArrayBuffer> | undefined {
  const codebook = codebookOf(type);
  if (!codebook) return undefined;
  const run = elements / codes.length;
  return Float32Array.from({ length: elements }, (_, e) => {
    const at = (codes[Math.floor(e / run)] as number) * run + (e % run);
    return codebook[at] as number;
  });
}

/** One f32 rounding each, as in the decoders. */
function product(a: Float32Array, b: Float32Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(a, (x, i) => x * (b[i] as number));
}
