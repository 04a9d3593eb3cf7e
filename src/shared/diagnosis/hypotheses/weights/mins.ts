import type { Hypothesis } from '../../hypothesis';
import type { PartsChange } from './block-parts';
import type { NamedMistake } from './parts-variants';
import { partsVariants } from './parts-variants';

const flipped: PartsChange = (parts) => {
  parts.dmin = -parts.dmin;
};
const ignored: PartsChange = (parts) => {
  parts.dmin = 0;
};
/** Legacy formats hold one min per block, as −1 that is subtracted. */
const isLegacy = (type: string): boolean => type === 'Q4_1' || type === 'Q5_1';

const legacyMin =
  (min: (d: number, m: number) => number): PartsChange =>
  (parts) => {
    parts.dmin = min(parts.d, parts.dmin);
  };

function* legacyMistakes(half: number): Generator<NamedMistake> {
  yield { label: `taken for −${half} × d`, change: legacyMin((d) => -half * d) };
  yield { label: 'multiplied by d', change: legacyMin((d, m) => d * m) };
  yield {
    label: 'd and min swapped',
    change: (parts) => {
      [parts.d, parts.dmin] = [parts.dmin, parts.d];
    },
  };
  yield { label: `less ${half} × d`, change: legacyMin((d, m) => m - half * d) };
}

function* kMistakes(): Generator<NamedMistake> {
  yield {
    label: 'd and dmin swapped',
    change: (parts) => {
      [parts.d, parts.dmin] = [parts.dmin, parts.d];
    },
  };
  yield {
    label: 'times d instead of dmin',
    change: (parts) => {
      parts.dmin = parts.d;
    },
  };
  yield {
    label: 'not multiplied by dmin',
    change: (parts) => {
      parts.dmin = 1;
    },
  };
  yield {
    label: 'dmin alone, without the sub-block’s min',
    change: ({ mins }) => {
      mins.fill(1);
    },
  };
  yield {
    label: 'multiplied by the scale too',
    change: ({ d, scales, mins }) => {
      for (let s = 0; s < mins.length; s++) mins[s]! *= d * scales[s]!;
    },
  };
  yield {
    label: 'subtracted before scaling',
    change: (parts) => {
      const { scales, mins } = parts;
      parts.dmin = parts.d;
      for (let s = 0; s < mins.length; s++) mins[s]! *= scales[s]!;
    },
  };
}

/** Q4_1, Q5_1, Q2_K, Q4_K, Q5_K. */
export const BLOCK_MIN: Hypothesis = {
  id: 'block-min',
  title: 'the min of blocks is left out, added with the wrong sign, or scaled wrongly',
  explanation:
    'Q4_1 and Q5_1 add a min to d × code; Q2_K, Q4_K and Q5_K subtract dmin × min of the sub-block. Without it, or with ' +
    'the wrong sign or factor, every value of a block is off by the same amount.',
  whereToLook: 'x = d * q + m in Q4_1 and Q5_1; x = d * scale * q − dmin * min in Q2_K, Q4_K, Q5_K.',
  citations: ['ml-explore/mlx#3664'],
  catalogue: [5],
  generality: 1,
  *variants(site) {
    yield* partsVariants(site, function* ({ type, hasMins, hasSigns }): Generator<NamedMistake> {
      if (!hasMins || hasSigns) return;
      const isDelta = type === 'IQ1_S' || type === 'IQ1_M';
      yield { label: 'left out', change: ignored };
      yield { label: 'sign flipped', change: flipped };
      if (isLegacy(type)) yield* legacyMistakes(type === 'Q4_1' ? 8 : 16);
      else if (!isDelta) yield* kMistakes();
    });
  },
};
