/** ggml's op parameters by name, for documents that people read. Source: the `ggml_set_op_params` calls in ggml.c. */
import type { OpKind } from '../graph/ggml-op';
import { floatParam, intParam } from './op';
import { ROPE_MODE, ropeParams } from './rope-angles';

export type NamedParams = Readonly<Record<string, number | string | readonly number[]>>;

type Fields = readonly (readonly [name: string, type: 'f32' | 'i32', index: number])[];

const EPS: Fields = [['eps', 'f32', 0]];
const SCALE_AND_BIAS: Fields = [
  ['scale', 'f32', 0],
  ['max_bias', 'f32', 1],
];

const FIELDS: Partial<Readonly<Record<OpKind, Fields>>> = {
  NORM: EPS,
  RMS_NORM: EPS,
  L2_NORM: EPS,
  GROUP_NORM: [
    ['groups', 'i32', 0],
    ['eps', 'f32', 1],
  ],
  SCALE: [
    ['scale', 'f32', 0],
    ['bias', 'f32', 1],
  ],
  SOFT_MAX: SCALE_AND_BIAS,
  FLASH_ATTN_EXT: [...SCALE_AND_BIAS, ['logit_softcap', 'f32', 2]],
  CLAMP: [
    ['min', 'f32', 0],
    ['max', 'f32', 1],
  ],
  LEAKY_RELU: [['slope', 'f32', 0]],
  CONCAT: [['dim', 'i32', 0]],
};

/** The parameters that have a name here; none for an op whose parameters are only kept raw. */
export function namedParams(kind: OpKind, opParams: readonly number[]): NamedParams {
  if (kind === 'ROPE' || kind === 'ROPE_BACK') return ropeByName(opParams);
  const read = { f32: floatParam, i32: intParam };
  return Object.fromEntries((FIELDS[kind] ?? []).map(([name, type, index]) => [name, read[type](opParams, index)]));
}

function ropeByName(opParams: readonly number[]): NamedParams {
  const p = ropeParams(opParams);
  const mode = Object.entries(ROPE_MODE).find(([, number]) => number === p.mode)?.[0];
  return {
    n_dims: p.dims,
    mode: mode ?? p.mode,
    n_ctx_orig: p.originalContext,
    freq_base: p.freqBase,
    freq_scale: p.freqScale,
    ext_factor: p.extFactor,
    attn_factor: p.attnFactor,
    beta_fast: p.betaFast,
    beta_slow: p.betaSlow,
    ...(p.sections.some((n) => n !== 0) ? { sections: [...p.sections] } : {}),
  };
}
