import { ROPE_MODE } from '../../../ops/rope-angles';
import type { Hypothesis, Variant } from '../../hypothesis';
import { withFloatParam, withIntParam } from '../op-params';
import { ROPE_PARAM, ropeOf, withRopeParams } from './rope-site';

/** Partial rotation: only n_dims channels of a head turn, the first ones as a rule. */
export const ROPE_CHANNELS: Hypothesis = {
  id: 'rope-channels',
  title: 'RoPE rotates the wrong channels of each head',
  explanation:
    'Some models rotate only the first n_dims channels of a head and pass the rest. Here another number of channels is ' +
    'rotated, the last ones in place of the first, or the rest is not passed on.',
  whereToLook: 'rope.dimension_count of the model, the head size, and from which channel on your kernel rotates.',
  citations: ['ggml-org/llama.cpp#14580', 'ggml-org/llama.cpp#14582', 'ggml-org/llama.cpp#19338'],
  catalogue: [29],
  generality: 1,
  *variants(site) {
    const p = ropeOf(site);
    if (!p || p.mode === ROPE_MODE.VISION) return;
    const [channels] = site.node.ne;
    const variant = (
      label: string,
      parameters: Variant['parameters'],
      edit: (o: readonly number[]) => readonly number[],
    ) => ({
      label,
      parameters,
      predict: (s: typeof site) => withRopeParams(s, edit(s.node.opParams)),
    });
    const { dims, first, base } = ROPE_PARAM;
    const rest = channels - p.dims;
    if (rest > 0) {
      const at = p.firstChannel === 0 ? rest : 0;
      const label = at === 0 ? 'the first channels' : 'the last channels';
      yield variant(label, { firstChannel: at, right: p.firstChannel }, (o) => withIntParam(o, first, at));
      yield {
        label: 'the rest lost',
        parameters: { rest: 0, right: 'passed on' },
        predict: (s) => s.right.map((x, i) => (isTurned(i % channels, p.firstChannel, p.dims) ? x : 0)),
      };
      yield variant('all channels', { channels, right: p.dims }, (o) =>
        withIntParam(withIntParam(o, dims, channels), first, 0),
      );
      yield variant('all channels, at the frequencies of fewer', { channels, right: p.dims }, (o) =>
        withFloatParam(
          withIntParam(withIntParam(o, dims, channels), first, 0),
          base,
          p.freqBase ** (channels / p.dims),
        ),
      );
    }
    for (const [label, share] of [
      ['half', 0.5],
      ['a quarter', 0.25],
      ['three quarters', 0.75],
    ] as const) {
      const fewer = p.dims * share;
      if (fewer % 2 !== 0 || fewer < 2) continue;
      yield variant(`${label} of them`, { channels: fewer, right: p.dims }, (o) => withIntParam(o, dims, fewer));
      yield variant(`${label} of them, at the frequencies of all`, { channels: fewer, right: p.dims }, (o) =>
        withFloatParam(withIntParam(o, dims, fewer), base, p.freqBase ** share),
      );
    }
  },
};

function isTurned(channel: number, first: number, dims: number): boolean {
  return channel >= first && channel < first + dims;
}
