import type { OpKind } from '../../../graph/ggml-op';
import type { Hypothesis } from '../../hypothesis';
import { sourceTensor, valuesOf } from '../../site';
import { sameExtents } from '../../../ops/tensor-shape';

/** Steps of one input whose own hypotheses do not leave them out. */
const STEPS: ReadonlySet<OpKind> = new Set<OpKind>([
  'SQR',
  'SQRT',
  'CLAMP',
  'EXP',
  'NEG',
  'SOFTPLUS',
  'LOG',
  'TANH',
  'GROUP_NORM',
  'CUMSUM',
  'SUM_ROWS',
  'ROLL',
  'LEAKY_RELU',
  'XIELU',
  'HARDSIGMOID',
]);

export const STEP_SKIPPED: Hypothesis = {
  id: 'step-skipped',
  title: 'a step left out',
  explanation: 'The node’s input is passed on as it is.',
  whereToLook: 'Whether this op is executed on this path, and whether its result or its input is read afterwards.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const { kind, ne } = site.node;
    const source = sourceTensor(site, 0);
    if (!STEPS.has(kind) || !source || !sameExtents(source.ne, ne)) return;
    yield {
      label: `${kind} skipped`,
      parameters: { done: 'none', right: kind },
      predict: (s) => valuesOf(s, 0).slice(),
    };
  },
};
