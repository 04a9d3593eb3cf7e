/**
 * The grids on which engines round: float types, and blocks of codes with one scale. `dithered` takes one of a value's two
 * neighbours at random, so that its mean is kept: what rounding makes of values nobody knows exactly. What lies on the
 * grid already stays as it is, dithered or not.
 */
import { f32Bits } from '../../base/float-bits';
import type { Random } from '../../base/random';
import type { Precision } from '../../divergence/rounding';
import type { Dims } from '../../graph/graph';
import { toF16 } from '../narrow-floats';

export interface Grid {
  readonly precision: Precision;
  /** As a user would say it: "F16", "Q8 in blocks of 32". */
  readonly name: string;
  /** Relative rounding of one operation; 0 where values share a scale. */
  readonly unit: number;
  /** Distance of the least numbers from each other; 0 where that is below all that matters. */
  readonly least: number;
  nearest(values: Float32Array, ne: Dims): Float32Array;
  dithered(values: Float32Array, ne: Dims, random: Random): Float32Array;
}

/** Mantissa bits that are stored, and the exponent of the least normal number. */
const FLOATS = {
  TF32: { bits: 10, least: -126 },
  F16: { bits: 10, least: -14 },
  BF16: { bits: 7, least: -126 },
} as const;

export function floatGrid(precision: keyof typeof FLOATS): Grid {
  const { bits, least } = FLOATS[precision];
  const stepOf = (x: number): number => 2 ** (Math.max(exponentOf(x), least) - bits);
  const toGrid = (values: Float32Array, pick: (x: number) => number): Float32Array =>
    values.map((x) => {
      if (x === 0 || x - x !== 0) return x;
      const step = stepOf(x);
      return pick(x / step) * step;
    });
  return {
    precision,
    name: precision,
    unit: 2 ** (-bits - 1),
    least: least < -100 ? 0 : 2 ** (least - bits),
    nearest: (values) => toGrid(values, roundEven),
    dithered: (values, _ne, random) => toGrid(values, (x) => dither(x, random)),
  };
}

/** No values lie between those of f32: what an f32 engine rounds on its way is half a unit in the last place, anywhere. */
export const F32_GRID: Grid = {
  precision: 'F32',
  name: 'F32',
  unit: 2 ** -24,
  least: 0,
  nearest: (values) => values,
  dithered: (values, _ne, random) => values.map((x) => x * (1 + 2 ** -24 * (2 * random.uniform() - 1))),
};

/**
 * Codes from −greatest to greatest times a scale: the largest magnitude of a block over `greatest`.
 * @param length elements of a block; a whole row (or column) where that is shorter, or 0
 * @param axis along which a block lies
 * @param scale the type in which a block's scale is stored
 * @param begun elements of the first block that lie before the tensor: a view need not begin with a block
 */
export function blockGrid(
  precision: 'Q8' | 'Q4',
  length: number,
  axis: 0 | 1 = 0,
  scale: 'F32' | 'F16' = 'F32',
  begun = 0,
): Grid {
  const greatest = precision === 'Q8' ? 127 : 7;
  const stored = (x: number): number => (scale === 'F16' ? toF16(x) : x);
  const round = (values: Float32Array, ne: Dims, pick: (x: number) => number): Float32Array => {
    const out = new Float32Array(values.length);
    forEachBlock(ne, { length, axis, begun }, (first, count, stride) => {
      let most = 0;
      for (let i = 0, at = first; i < count; i++, at += stride) most = Math.max(most, Math.abs(values[at]!));
      const step = most / greatest;
      for (let i = 0, at = first; i < count; i++, at += stride) {
        out[at] = step === 0 || step - step !== 0 ? values[at]! : pick(values[at]! / step) * stored(step);
      }
    });
    return out;
  };
  const where = length === 0 ? 'rows' : `blocks of ${length}`;
  return {
    precision,
    name: `${precision === 'Q8' ? '8' : '4'}-bit ${where}`,
    unit: 0,
    least: 0,
    nearest: (values, ne) => round(values, ne, roundEven),
    dithered: (values, ne, random) => round(values, ne, (x) => dither(x, random)),
  };
}

/** Calls with the first element, the elements and their distance, of every block of a contiguous tensor. */
function forEachBlock(
  ne: Dims,
  { length, axis, begun }: { readonly length: number; readonly axis: 0 | 1; readonly begun: number },
  call: (first: number, count: number, stride: number) => void,
): void {
  const [n0, n1, n2, n3] = ne;
  const [along, across, stride, next] = axis === 0 ? [n0, n1, 1, n0] : [n1, n0, n0, 1];
  const size = Math.max(1, length === 0 ? along : length);
  for (let plane = 0; plane < n2 * n3; plane++) {
    for (let line = 0; line < across; line++) {
      const first = plane * n0 * n1 + line * next;
      for (let at = -begun; at < along; at += size) {
        const [from, to] = [Math.max(0, at), Math.min(along, at + size)];
        call(first + from * stride, to - from, stride);
      }
    }
  }
}

/** Of a finite f32 that is not zero; that of the least normal f32 for subnormals. */
function exponentOf(x: number): number {
  return Math.max(((f32Bits(x) >>> 23) & 0xff) - 127, -126);
}

function roundEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

function dither(x: number, random: Random): number {
  const below = Math.floor(x);
  return random.uniform() < x - below ? below + 1 : below;
}
