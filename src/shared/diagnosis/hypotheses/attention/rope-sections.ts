import { hasSections, ROPE_MODE } from '../../../ops/rope-angles';
import type { Hypothesis, Variant } from '../../hypothesis';
import { valuesOf } from '../../site';
import { withIntParam } from '../op-params';
import { atPositions, ROPE_PARAM, ropeOf, withRopeParams } from './rope-site';

/** Time, height, width and extra component of a position in another order. */
const ORDERS: readonly (readonly [string, readonly number[]])[] = [
  ['time for all', [0, 0, 0, 0]],
  ['height and width swapped', [0, 2, 1, 3]],
  ['time and width swapped', [2, 1, 0, 3]],
  ['time and height swapped', [1, 0, 2, 3]],
];

export const ROPE_SECTIONS: Hypothesis = {
  id: 'rope-sections',
  title: 'RoPE sections (M-RoPE) are mixed up',
  explanation:
    'Vision models split a head’s pairs into sections turned by time, height and width. With sections ignored, in ' +
    'another order, or interleaved where they should not be, text stays right and image tokens go wrong.',
  whereToLook:
    'rope.dimension_sections, which component of the position each pair takes, and the layout of the positions (4 × tokens).',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const p = ropeOf(site);
    if (!p || !hasSections(p)) return;
    const positions = valuesOf(site, 1);
    const tokens = positions.length / 4;
    // of text all components are the same: nothing can be mixed up
    if (positions.every((x, i) => i >= 3 * tokens || x === positions[i % tokens])) return;
    for (const [label, order] of ORDERS) yield reordered(label, order, tokens);
    yield {
      label: 'positions of a token side by side',
      parameters: { layout: '4 per token', right: 'tokens per component' },
      predict: (s) =>
        atPositions(s, (all) => all.map((_, i) => all[(i % tokens) * 4 + Math.floor(i / tokens)] as number)),
    };
    if (p.mode === ROPE_MODE.VISION) return;
    const mode = p.mode === ROPE_MODE.MROPE ? ROPE_MODE.IMROPE : ROPE_MODE.MROPE;
    yield {
      label: mode === ROPE_MODE.IMROPE ? 'interleaved' : 'not interleaved',
      parameters: { mode, right: p.mode },
      predict: (s) => withRopeParams(s, withIntParam(s.node.opParams, ROPE_PARAM.mode, mode)),
    };
  },
};

function reordered(label: string, order: readonly number[], tokens: number): Variant {
  return {
    label,
    parameters: { components: order.join(', '), right: '0, 1, 2, 3' },
    predict: (s) =>
      atPositions(s, (all) =>
        all.map((_, i) => all[(order[Math.floor(i / tokens)] as number) * tokens + (i % tokens)] as number),
      ),
  };
}
