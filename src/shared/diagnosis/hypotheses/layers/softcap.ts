import type { GraphTensor } from '../../../graph/graph';
import { readersOf } from '../../../graph/readers';
import { tensorOf } from '../../../graph/graph';
import { floatParam } from '../../../ops/op';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, producerOf, valuesOf } from '../../site';
import { withFloatParam } from '../op-params';

/** What a node does in cap × tanh(x / cap). */
type Role = 'before' | 'tanh' | 'after';

export const LOGITS_SOFTCAP: Hypothesis = {
  id: 'logits-softcap',
  title: 'soft cap of the logits missing or another',
  explanation:
    'The model bounds its logits by cap × tanh(x / cap). Without it, or with another cap, large logits are too large; ' +
    'the order of tokens stays, their probabilities do not.',
  whereToLook: 'final_logit_softcapping of the model, and the last step before sampling.',
  citations: ['ggml-org/llama.cpp#8197'],
  catalogue: [35],
  generality: 1,
  *variants(site) {
    const role = roleOf(site);
    if (!role) return;
    const skipped = { cap: 'none', right: 'cap × tanh(x / cap)' };
    yield { label: 'skipped', parameters: skipped, predict: (s) => valuesOf(s, 0).slice() };
    if (role === 'tanh') {
      yield { label: 'tanh skipped', parameters: { done: 'clamped', right: 'tanh' }, predict: clamped };
      return;
    }
    yield {
      label: 'another cap',
      from: 1,
      to: 1000,
      spacing: 'log',
      likely: [30, 50, 15, 10, 20, 100],
      at: (cap) => withCap(site, role, cap),
    };
  },
};

function withCap({ node: { opParams } }: Site, role: Role, cap: number): Variant {
  const scale = floatParam(opParams, 0);
  const right = role === 'after' ? scale : 1 / scale;
  const changed = withFloatParam(opParams, 0, role === 'after' ? cap : 1 / cap);
  return {
    label: 'another cap',
    parameters: { cap, right },
    predict: (s) => evaluateChanged(s, { opParams: changed }),
  };
}

/** A hard bound in place of the soft one. */
function clamped(site: Site): Float32Array {
  return valuesOf(site, 0).map((x) => Math.max(-1, Math.min(1, x)));
}

/** The site's place in a cap that is not one of attention scores. */
function roleOf(site: Site): Role | undefined {
  const { node } = site;
  if (node.kind === 'TANH') return isCap(site, node) ? 'tanh' : undefined;
  if (node.kind !== 'SCALE') return undefined;
  const after = producerOf(site, 0);
  if (after?.kind === 'TANH') return isCap(site, after) ? 'after' : undefined;
  const tanh = readersOf(site.graph, node).find((t) => t.kind === 'TANH');
  return tanh && isCap(site, tanh) ? 'before' : undefined;
}

/** SCALE, TANH, SCALE, and no soft-max reads it. */
function isCap(site: Site, tanh: GraphTensor): boolean {
  const [before] = tanh.src;
  if (before === undefined || tensorOf(site.graph, before).kind !== 'SCALE') return false;
  const after = readersOf(site.graph, tanh).find((t) => t.kind === 'SCALE');
  return after !== undefined && !readersOf(site.graph, after).some((t) => t.kind === 'SOFT_MAX');
}
