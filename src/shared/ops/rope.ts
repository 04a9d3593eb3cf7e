/**
 * ROPE and ROPE_BACK: pairs of channels turned by θ, and back by −θ. Source: `ggml_compute_forward_rope_flt`,
 * `rotate_pairs` in ggml-cpu/ops.cpp; the angles are rope-angles.ts.
 *
 *     (x0, x1) → m × (x0 cos θ − x1 sin θ, x0 sin θ + x1 cos θ)
 *
 * Pair i: channels (2i, 2i+1) in mode NORM, (i, i + pairs) in all others; channels outside [n_offs, n_offs + n_dims)
 * pass through, in mode VISION there are none. Sources: x [head_dim, heads, tokens, batch], positions I32 [tokens], with
 * sections [4 × tokens] (all of one component, then the next), and optionally a frequency factor per pair. Strides of
 * positions and factors are kept, where ggml reads both as if they were dense.
 *
 * `exact`: products and their sum in f64. `ggml`: both products rounded to f32.
 */
import { intermediateRounding } from './arithmetic';
import type { InlineOp, OpCall, OpShape } from './op';
import { firstOf, needDecodable, needExtents, needFloatResult, needIndices, sourceOf } from './op';
import type { RopeParams } from './rope-angles';
import { hasSections, pairCount, POSITION_COMPONENTS, ROPE_MODE, ropeParams, rotation } from './rope-angles';

export const ROPE_OP: InlineOp = { how: 'inline', check, compute: (call) => compute(call, 1) };
export const ROPE_BACK_OP: InlineOp = { how: 'inline', check, compute: (call) => compute(call, -1) };

function check(node: OpShape): string | undefined {
  const { dst, src } = node;
  const p = ropeParams(node.opParams);
  const [, positions, factors] = src;
  const needed = dst.ne[2] * (hasSections(p) ? POSITION_COMPONENTS : 1);
  return firstOf(
    !Object.values<number>(ROPE_MODE).includes(p.mode) && `mode ${p.mode}`,
    needDecodable(node, 0),
    needFloatResult(node),
    needExtents(node, 0, dst.ne),
    needIndices(node, 1),
    positions && positions.ne[0] !== needed && `${positions.ne[0]} positions for ${dst.ne[2]} tokens`,
    checkChannels(p, dst.ne[0]),
    hasSections(p) && checkSections(p, dst.ne[0]),
    factors && needDecodable(node, 2),
    factors && factors.ne[0] < pairCount(p) && `${factors.ne[0]} frequency factors for ${pairCount(p)} pairs`,
  );
}

function checkChannels(p: RopeParams, channels: number): string | undefined {
  const { dims, firstChannel } = p;
  const vision = p.mode === ROPE_MODE.VISION;
  const fits = vision ? firstChannel === 0 && 2 * dims === channels : firstChannel + dims <= channels;
  if (dims > 0 && dims % 2 === 0 && firstChannel >= 0 && fits) return undefined;
  return `${dims} rotated channels from ${firstChannel} on, of ${channels}`;
}

function checkSections({ sections }: RopeParams, channels: number): string | undefined {
  const [time, height, width] = sections;
  const sum = sections.reduce((a, b) => a + b, 0);
  const some = time > 0 || height > 0 || width > 0;
  return some && sections.every((n) => n >= 0) && sum <= channels ? undefined : `sections [${sections.join(', ')}]`;
}

function compute(call: OpCall, direction: 1 | -1): void {
  const x = sourceOf(call, 0);
  const positions = sourceOf(call, 1);
  const p = ropeParams(call.opParams);
  const turn = rotation(p, frequencyFactors(call), call.arithmetic);
  const r = intermediateRounding(call.arithmetic);
  const pairs = pairCount(p);
  const [step, partner] = p.mode === ROPE_MODE.NORM ? [2, 1] : [1, pairs];
  const [channels, heads, tokens, batches] = x.ne;
  const position = new Array<number>(hasSections(p) ? POSITION_COMPONENTS : 1).fill(0);
  const row = new Float32Array(channels);
  for (let i2 = 0; i2 < tokens; i2++) {
    for (let c = 0; c < position.length; c++) position[c] = positions.readIndex(i2 + c * tokens, 0, 0, 0);
    const { cos, sin } = turn.at(position);
    for (let i3 = 0; i3 < batches; i3++) {
      for (let i1 = 0; i1 < heads; i1++) {
        x.readRow(i1, i2, i3, row, 0);
        for (let i = 0, a = p.firstChannel; i < pairs; i++, a += step) {
          const x0 = row[a] as number;
          const x1 = row[a + partner] as number;
          const c = cos[i] as number;
          const s = direction * (sin[i] as number);
          row[a] = r(x0 * c) - r(x1 * s);
          row[a + partner] = r(x0 * s) + r(x1 * c);
        }
        call.dst.writeRow(i1, i2, i3, row, 0);
      }
    }
  }
}

function frequencyFactors(call: OpCall): Float32Array | undefined {
  const source = call.src[2];
  if (!source) return undefined;
  const factors = new Float32Array(source.ne[0]);
  source.readRow(0, 0, 0, factors, 0);
  return factors;
}
