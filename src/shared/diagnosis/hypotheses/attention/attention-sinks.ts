import { floatParam } from '../../../ops/op';
import type { Hypothesis, Variant } from '../../hypothesis';
import { evaluateChanged, sourceTensor } from '../../site';
import { allValuesOf } from './source-values';

const SINK_INDEX: Readonly<Partial<Record<string, number>>> = { SOFT_MAX: 2, FLASH_ATTN_EXT: 4 };

export const ATTENTION_SINKS: Hypothesis = {
  id: 'attention-sinks',
  title: 'attention sinks are ignored or mishandled',
  explanation:
    'Models with sinks add one learned logit per head to the sum of the soft-max, which takes probability away from all ' +
    'keys. Without it all probabilities of a head are too large by one factor per row.',
  whereToLook: 'attn_sinks.weight: exp(sink − max) belongs into the sum, unscaled, and takes part in the maximum.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const index = SINK_INDEX[site.node.kind];
    if (index === undefined || !sourceTensor(site, index)) return;
    const sinks = allValuesOf(site, index);
    const scale = floatParam(site.node.opParams, 0);
    const variant = (label: string, change: (x: number, head: number) => number): Variant => ({
      label,
      parameters: { sinks: label },
      predict: (s) => evaluateChanged(s, { sources: new Map([[index, sinks.map(change)]]) }),
    });
    yield variant('ignored', () => -Infinity);
    yield variant('logit 0', () => 0);
    if (scale !== 1) yield variant('scaled like scores', (x) => x * scale);
    if (sinks.length > 1) yield variant('that of the first head for all', () => sinks[0] as number);
    if (sinks.length > 1) yield variant('heads shifted by one', (_, h) => sinks[(h + 1) % sinks.length] as number);
    yield variant('sign swapped', (x) => -x);
  },
};
