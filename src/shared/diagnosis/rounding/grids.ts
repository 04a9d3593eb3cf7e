/**
 * The grids on which engines round: float types, and blocks of codes with one scale. `dithered` takes one of a value's two
 * neighbours at random, so that its mean is kept: what rounding makes of values nobody knows exactly. What lies on the
 * grid already stays as it is, dithered or not.
 */
import { f32Bits } from '../../base/float-bits';
import type { Random } from '../../base/random';
import type { Precision } from '../../divergence/rounding';
import type { Dims } from '../../graph/graph';
import { IQ4_VALUES } from '../../quant/i-quants-tables';
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

/** How the values of a block become integer codes: `origin` + code × `step`. */
export interface BlockCodes {
  readonly precision: 'Q8' | 'Q4';
  /** As a user would say it: "8-bit". */
  readonly name: string;
  /** Where the step is fitted to the codes, by least squares weighted with the values' own size, once they are chosen. */
  readonly isFitted?: boolean;
  /** The code for a value in steps from the origin; `pick` takes one of its neighbours. */
  code(steps: number, pick: (x: number) => number): number;
  /** Origin and step of a block with these extremes; `most` is that of the larger magnitude, with its sign. */
  scale(block: { readonly min: number; readonly max: number; readonly most: number }): readonly [number, number];
}

/** Codes on either side of 0: ggml's Q8_0, and most engines' int8 and int4. */
export function symmetricCodes(bits: 8 | 4): BlockCodes {
  const n = 2 ** (bits - 1) - 1;
  const precision = bits === 8 ? 'Q8' : 'Q4';
  return { precision, name: `${bits}-bit`, code: within(-n, n), scale: ({ most }) => [0, Math.abs(most) / n] };
}

/** ggml's Q4_0 and Q5_0: the value of the largest magnitude is the code at the lower end. */
export function endCodes(bits: 4 | 5): BlockCodes {
  const n = 2 ** (bits - 1);
  return { precision: 'Q4', name: `${bits}-bit`, code: within(-n, n - 1), scale: ({ most }) => [0, most / -n] };
}

/** ggml's Q4_1 and Q5_1: from the least value of a block to its greatest. */
export function rangeCodes(bits: 4 | 5): BlockCodes {
  const n = 2 ** bits - 1;
  const scale: BlockCodes['scale'] = ({ min, max }) => [min, (max - min) / n];
  return { precision: 'Q4', name: `${bits}-bit`, code: within(0, n), scale };
}

/** ggml's IQ4_NL: codes stand for the values of a table, of which the first is the largest. */
export const TABLE_CODES: BlockCodes = {
  precision: 'Q4',
  name: '4-bit',
  isFitted: true,
  scale: ({ most }) => [0, most / IQ4_VALUES[0]!],
  code: (steps, pick) => {
    const above = IQ4_VALUES.findIndex((value) => value >= steps);
    if (above <= 0) return above === 0 ? IQ4_VALUES[0]! : IQ4_VALUES[IQ4_VALUES.length - 1]!;
    const [low, high] = [IQ4_VALUES[above - 1]!, IQ4_VALUES[above]!];
    return pick((steps - low) / (high - low)) === 0 ? low : high;
  },
};

/** Integers from `least` to `greatest`. */
function within(least: number, greatest: number): BlockCodes['code'] {
  return (steps, pick) => Math.min(greatest, Math.max(least, pick(steps)));
}

export interface BlockPlace {
  /** Elements of a block; a whole row (or column) where that is shorter, or 0. */
  readonly length: number;
  /** Dimension along which a block lies. */
  readonly axis?: 0 | 1;
  /** The type in which a block's scale is stored. */
  readonly scale?: 'F32' | 'F16';
  /** Elements of the first block that lie before the tensor: a view need not begin with a block. */
  readonly begun?: number;
}

/** Blocks of codes with one scale. */
export function blockGrid(codes: BlockCodes, place: BlockPlace): Grid {
  const { length, axis = 0, scale = 'F32', begun = 0 } = place;
  const stored = (x: number): number => (scale === 'F16' ? toF16(x) : x);
  const round = (values: Float32Array, ne: Dims, pick: (x: number) => number): Float32Array => {
    const out = Float32Array.from(values);
    forEachBlock(ne, { length, axis, begun }, (first, count, stride) => {
      let [min, max, most] = [Infinity, -Infinity, 0];
      for (let i = 0, at = first; i < count; i++, at += stride) {
        const x = values[at]!;
        if (x < min) min = x;
        if (x > max) max = x;
        if (Math.abs(x) > Math.abs(most)) most = x;
      }
      const [origin, step] = codes.scale({ min, max, most });
      if (step - step !== 0) return;
      if (step === 0) {
        for (let i = 0, at = first; i < count; i++, at += stride) out[at] = stored(origin);
        return;
      }
      for (let i = 0, at = first; i < count; i++, at += stride)
        out[at] = codes.code((values[at]! - origin) / step, pick);
      const fitted = codes.isFitted ? stepFitting(values, out, { first, count, stride }) : step;
      const [from, by] = [stored(origin), stored(fitted)];
      for (let i = 0, at = first; i < count; i++, at += stride) out[at] = from + out[at]! * by;
    });
    return out;
  };
  const where = length === 0 ? 'rows' : `blocks of ${length}`;
  return {
    precision: codes.precision,
    name: `${codes.name} ${where}`,
    unit: 0,
    least: 0,
    nearest: (values, ne) => round(values, ne, roundEven),
    dithered: (values, ne, random) => round(values, ne, (x) => dither(x, random)),
  };
}

/** The step that makes the codes of a block come nearest to its values, each weighted with its square. */
function stepFitting(
  values: Float32Array,
  codes: Float32Array,
  { first, count, stride }: { readonly first: number; readonly count: number; readonly stride: number },
): number {
  let [above, below] = [0, 0];
  for (let i = 0, at = first; i < count; i++, at += stride) {
    const weight = values[at]! ** 2;
    above += weight * codes[at]! * values[at]!;
    below += weight * codes[at]! ** 2;
  }
  return above / below;
}

/** Calls with the first element, the elements and their distance, of every block of a contiguous tensor. */
export function forEachBlock(
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
