import type { Hypothesis } from '../../hypothesis';
import { ropeOf } from './rope-site';
import { shifted } from './rope-position';

/** Offsets beyond the ±1 and ±2 of rope-position. */
const LIKELY = [3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8, 9, 10, 11, 12, 13, 14, 15, 16, -16, 32, -32, 64, 128, 256];

export const ROPE_POSITION_OFFSET: Hypothesis = {
  id: 'rope-position-offset',
  title: 'RoPE counts positions from elsewhere',
  explanation:
    'All positions are off by the same number of tokens. Scores between tokens of one prompt stay right, since only ' +
    'distances matter; those with tokens cached earlier do not.',
  whereToLook: 'Where positions are counted: prefix or padding tokens, several sequences, chunks of a long prompt.',
  citations: ['chrishayuk/larql#177'],
  catalogue: [43],
  generality: 2,
  *variants(site) {
    if (!ropeOf(site)) return;
    yield {
      label: 'offset',
      from: -64,
      to: 64,
      spacing: 'linear',
      likely: LIKELY,
      at: (value) => ({ ...shifted(Math.round(value)), label: 'offset' }),
    };
  },
};
