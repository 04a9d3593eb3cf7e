import { f32Bits, f32FromBits, f16ToF32, f32ToF16 } from '../../../base/float-bits';
import type { OpKind } from '../../../graph/ggml-op';
import { GGML_GLU_OPS, GGML_UNARY_OPS } from '../../../graph/ggml-op';
import type { Hypothesis, Variant } from '../../hypothesis';
import { F16_MAX, toF16 } from '../../narrow-floats';
import type { Site } from '../../site';
import { valuesOf } from '../../site';

const F16_LEAST_NORMAL = 2 ** -14;

/** Ops that compute each element, or scale rows. */
const ELEMENTWISE: ReadonlySet<OpKind> = new Set<OpKind>([
  ...GGML_UNARY_OPS,
  ...GGML_GLU_OPS,
  'ADD',
  'ADD_ID',
  'SUB',
  'MUL',
  'DIV',
  'SQR',
  'SQRT',
  'SCALE',
  'CLAMP',
  'RMS_NORM',
  'NORM',
  'L2_NORM',
  'GROUP_NORM',
  'GET_ROWS',
  'ROPE',
  'CONT',
  'CPY',
  'SET_ROWS',
  'SSM_CONV',
]);

export const F16_OVERFLOW: Hypothesis = {
  id: 'f16-overflow',
  title: 'result stored in f16 beyond its range',
  explanation:
    'Values beyond 65504 are written to f16 and become infinite, or are held at 65504 where the conversion saturates. ' +
    'The rest is right to 11 bits.',
  whereToLook:
    'The type of this op’s output and of shared-memory tiles; models with large activations need f32 or bf16.',
  citations: ['ggml-org/llama.cpp#27321', 'ggml-org/llama.cpp#17746', 'microsoft/onnxruntime#29611'],
  catalogue: [18, 19],
  generality: 1,
  byRange: true,
  *variants(site) {
    if (!ELEMENTWISE.has(site.node.kind) || !site.right.some((v) => Math.abs(v) > F16_MAX)) return;
    yield stored('infinite', { beyond65504: 'infinite' }, toF16);
    yield stored('held at 65504', { beyond65504: 'held at 65504' }, (v) =>
      toF16(Math.max(-F16_MAX, Math.min(F16_MAX, v))),
    );
    yield stored('infinite, the rest in f32', { beyond65504: 'infinite' }, (v) =>
      Math.abs(v) > F16_MAX ? v * Infinity : v,
    );
    yield stored('held at 65504, the rest in f32', { beyond65504: 'held at 65504' }, (v) =>
      Math.max(-F16_MAX, Math.min(F16_MAX, v)),
    );
  },
};

const FLUSHED = 'f16, subnormals flushed';

/** Roundings to f16 and bf16 that are not to the nearest, ties to even. */
const ROUNDINGS: readonly (readonly [string, (v: number) => number])[] = [
  ['f16, towards zero', truncatedF16],
  ['f16, away from zero', awayF16],
  [FLUSHED, (v) => (Math.abs(v) < F16_LEAST_NORMAL ? 0 : toF16(v))],
  ['bf16, towards zero', (v) => f32FromBits(f32Bits(v) & 0xffff0000)],
];

export const HALF_ROUNDING: Hypothesis = {
  id: 'half-rounding',
  title: 'conversion to 16 bits does not round to nearest even',
  explanation:
    'A result is converted to f16 or bf16 by cutting off bits, or by rounding away from zero. Each element is off by at ' +
    'most one unit in the last place of that type, on one side.',
  whereToLook:
    'The conversion in the kernel: a shift of the bits truncates; the rounding mode of the store instruction.',
  citations: ['ggml-org/llama.cpp#22976', 'ggml-org/llama.cpp#23760', 'ggml-org/llama.cpp#21572'],
  catalogue: [22],
  generality: 1,
  *variants(site) {
    const { kind, type } = site.node;
    const isHalf = type === 'F16' || type === 'BF16';
    // inside a stretch only a node that stores 16 bits is likely to convert
    if (!ELEMENTWISE.has(kind) || !(site.wrong || isHalf)) return;
    const right = isHalf ? `${type}, nearest even` : type;
    for (const [label, round] of ROUNDINGS) {
      // without subnormals that is rounding to the nearest
      if (label === FLUSHED && !unrounded(site).some(isSubnormalHalf)) continue;
      const predict = (s: Site): Float32Array => unrounded(s).map(round);
      yield { label, parameters: { rounding: label, right }, predict };
    }
  },
};

function stored(label: string, parameters: Variant['parameters'], convert: (v: number) => number): Variant {
  return { label, parameters, predict: (s) => unrounded(s).map(convert) };
}

/** The result before it is stored, where the node only converts. */
function unrounded(site: Site): Float32Array {
  const { kind } = site.node;
  if (kind === 'CPY' || kind === 'CONT') return valuesOf(site, 0);
  return kind === 'SET_ROWS' ? writtenUnrounded(site) : site.right;
}

/** A cache with the new rows in full precision; what was there before is of the cache's type already. */
function writtenUnrounded(site: Site): Float32Array {
  const [n] = site.node.ne;
  const rows = valuesOf(site, 0);
  const out = site.right.slice();
  valuesOf(site, 1).forEach((row, i) => out.set(rows.subarray(i * n, (i + 1) * n), row * n));
  return out;
}

function isSubnormalHalf(v: number): boolean {
  return Math.abs(v) < F16_LEAST_NORMAL && toF16(v) !== 0;
}

/** The f16 next to `v` on the side of zero; infinity stays. */
function truncatedF16(v: number): number {
  const nearest = f32ToF16(v);
  const value = f16ToF32(nearest);
  return Number.isFinite(v) && Math.abs(value) > Math.abs(v) ? f16ToF32(nearest - 1) : value;
}

/** The f16 next to `v` on the side away from zero. */
function awayF16(v: number): number {
  const nearest = f32ToF16(v);
  const value = f16ToF32(nearest);
  return Math.abs(value) < Math.abs(v) ? f16ToF32(nearest + 1) : value;
}
