import { pairCount, ROPE_MODE } from '../../../ops/rope-angles';
import type { Hypothesis } from '../../hypothesis';
import { withIntParam } from '../op-params';
import { ROPE_PARAM, ropeOf, withRopeParams } from './rope-site';

export const ROPE_PAIRING: Hypothesis = {
  id: 'rope-pairing',
  title: 'RoPE pairs the wrong channels (NEOX and NORM mixed up)',
  explanation:
    'RoPE turns pairs of channels: neighbours (2i, 2i+1) in mode NORM, (i, i + n/2) in mode NEOX. With the other ' +
    'pairing every rotated value is wrong from position 1 on; at position 0, where nothing turns, all is right.',
  whereToLook:
    'Which RoPE mode your engine picks for this architecture, and which two channels its kernel reads per pair. GGUF ' +
    'permutes the Q and K rows of llama-like models so that NORM is right for them.',
  citations: ['ikawrakow/ik_llama.cpp#2290', 'ggml-org/llama.cpp#7634'],
  catalogue: [25],
  generality: 1,
  *variants(site) {
    const p = ropeOf(site);
    if (!p || p.mode === ROPE_MODE.VISION || pairCount(p) < 2) return;
    const isNorm = p.mode === ROPE_MODE.NORM;
    yield {
      label: isNorm ? 'NEOX for NORM' : 'NORM for NEOX',
      parameters: {
        pairing: isNorm ? '(i, i + n/2)' : '(2i, 2i + 1)',
        right: isNorm ? '(2i, 2i + 1)' : '(i, i + n/2)',
      },
      predict: (s) =>
        withRopeParams(s, withIntParam(s.node.opParams, ROPE_PARAM.mode, isNorm ? ROPE_MODE.NEOX : ROPE_MODE.NORM)),
    };
  },
};
