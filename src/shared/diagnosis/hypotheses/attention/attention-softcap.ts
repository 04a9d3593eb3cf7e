import type { GraphTensor } from '../../../graph/graph';
import { memoryOwner, tensorOf } from '../../../graph/graph';
import { floatParam, intParam } from '../../../ops/op';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, producerOf, valuesOf } from '../../site';
import { withFloatParam } from '../op-params';
import { readersOf } from '../../../graph/readers';

const EXPLANATION =
  'Scores are kept below a cap by cap × tanh(score / cap) before the mask. Without it, or with another cap, large scores ' +
  'win too much; small ones hardly change.';
const WHERE =
  'attn_logit_softcapping of the model, that flash attention applies it too, and its order: scale, cap, then mask.';

export const ATTENTION_SOFTCAP: Hypothesis = {
  id: 'attention-softcap',
  title: 'the attention softcap is missing',
  explanation: EXPLANATION,
  whereToLook: WHERE,
  citations: ['ggml-org/llama.cpp#8197'],
  catalogue: [35],
  generality: 1,
  *variants(site) {
    const { kind, opParams } = site.node;
    if (kind === 'TANH' && capOf(site)) {
      yield { label: 'no softcap', parameters: { softcap: 'none' }, predict: (s) => valuesOf(s, 0) };
    } else if (kind === 'SCALE' && capOf(site)?.place === 'after') {
      // where the engine's own SCALE is the checkpoint before, the cap is skipped as a whole
      yield { label: 'scale without tanh', parameters: { softcap: 'none' }, predict: atanhed };
    } else if (kind === 'FLASH_ATTN_EXT' && floatParam(opParams, 2) > 0) {
      yield {
        label: 'no softcap',
        parameters: { softcap: 'none', right: floatParam(opParams, 2) },
        predict: (s) => evaluateChanged(s, { opParams: withFloatParam(s.node.opParams, 2, 0) }),
      };
    }
  },
};

/** cap × atanh(tanh(score / cap)): the scores before, as far as rounding lets them be seen. */
function atanhed(site: Site): Float32Array {
  const cap = floatParam(site.node.opParams, 0);
  return valuesOf(site, 0).map((x) => cap * Math.atanh(x));
}

export const ATTENTION_SOFTCAP_VALUE: Hypothesis = {
  id: 'attention-softcap-value',
  title: 'the attention softcap has another cap, or is not the model’s',
  explanation: EXPLANATION,
  whereToLook: WHERE,
  citations: ['ggml-org/llama.cpp#8197'],
  catalogue: [35],
  generality: 2,
  *variants(site) {
    const found = capOf(site);
    if (site.node.kind === 'SOFT_MAX' && !isCapped(site)) {
      yield { ...CAPS, label: 'a cap where the model has none', at: cappedBy };
    }
    const flash = site.node.kind === 'FLASH_ATTN_EXT' ? floatParam(site.node.opParams, 2) : 0;
    if (flash > 0) yield* otherCaps(flash, 2, (cap) => cap);
    if (!found || found.place === 'tanh') return;
    const { cap, place } = found;
    const own = floatParam(site.node.opParams, 0);
    yield* otherCaps(cap, 0, place === 'before' ? (c) => (own * cap) / c : (c) => c);
  },
};

const CAPS = { from: 1, to: 500, spacing: 'log', likely: [30, 50, 15, 20, 25, 100] } as const;

/** Whether the scores that a soft-max reads have gone through a cap. */
function isCapped({ graph, node }: Site): boolean {
  let at: GraphTensor | undefined = node;
  for (let steps = 0; at && steps < 4; steps++) {
    if (at.kind === 'TANH') return true;
    const [source]: GraphTensor['src'] = at.src;
    const before: GraphTensor | undefined = source === undefined ? undefined : tensorOf(graph, source);
    at = before && memoryOwner(graph, before);
  }
  return false;
}

/** Scores times their scale, capped. */
function cappedBy(cap: number): Variant {
  return {
    label: 'a cap where the model has none',
    parameters: { softcap: cap, right: 'none' },
    predict: (s) => {
      const scale = floatParam(s.node.opParams, 0);
      const capped = valuesOf(s, 0).map((x) => (cap * Math.tanh((x * scale) / cap)) / scale);
      return evaluateChanged(s, { sources: new Map([[0, capped]]) });
    },
  };
}

function* otherCaps(
  right: number,
  param: number,
  valueAt: (cap: number) => number,
): Iterable<{
  label: string;
  from: number;
  to: number;
  spacing: 'log';
  likely: readonly number[];
  at: (cap: number) => Variant;
}> {
  const label = 'another cap';
  yield {
    label,
    ...CAPS,
    likely: CAPS.likely.filter((c) => c !== right),
    at: (cap) => ({
      label,
      parameters: { softcap: cap, right },
      predict: (s) => evaluateChanged(s, { opParams: withFloatParam(s.node.opParams, param, valueAt(cap)) }),
    }),
  };
}

interface Cap {
  readonly cap: number;
  readonly place: 'before' | 'tanh' | 'after';
}

/** The softcap that the node is a part of: SCALE, TANH, SCALE between scores and soft-max. */
function capOf(site: Site): Cap | undefined {
  const { graph, node } = site;
  if (node.kind !== 'TANH' && node.kind !== 'SCALE') return undefined;
  const reader = (t: GraphTensor, kind: string): GraphTensor | undefined =>
    readersOf(graph, t).find((r) => r.kind === kind);
  const before = producerOf(site, 0);
  const tanh = node.kind === 'TANH' ? node : reader(node, 'TANH');
  const after = tanh ? reader(tanh, 'SCALE') : before?.kind === 'TANH' ? node : undefined;
  if (!after || !readersOf(graph, after).some((r) => r.kind === 'SOFT_MAX' || r.kind === 'ADD')) return undefined;
  if (intParam(after.opParams, 1) !== 0) return undefined;
  return { cap: floatParam(after.opParams, 0), place: tanh === node ? 'tanh' : tanh ? 'before' : 'after' };
}
