import { gateFunction } from '../../../ops/glu';
import type { UnaryKind } from '../../../ops/unary';
import { UNARY_FUNCTIONS } from '../../../ops/unary';
import { floatParam } from '../../../ops/op';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, producerOf } from '../../site';
import { withFloatParam } from '../op-params';
import type { Halves } from './gated';
import { halvesOf, interleavedHalves, isGlu, isPacked } from './gated';

type Gate = (x: number) => number;

/** The site's own gate function. */
function gateOf({ node, arithmetic }: Site): Gate {
  return isGlu(node.kind) ? gateFunction(node.kind, node.opParams, arithmetic) : (x) => x;
}

/** f(gate) × up; kinds with limits by their own reference. */
function gated(site: Site, { gate, up }: Halves): Float32Array {
  const { kind } = site.node;
  if (kind === 'SWIGLU_OAI' || kind === 'SWIGLU_CLAMP') {
    return site.node.src[1] === undefined
      ? site.right
      : evaluateChanged(site, {
          sources: new Map([
            [0, gate],
            [1, up],
          ]),
        });
  }
  const f = gateOf(site);
  const out = new Float32Array(gate.length);
  for (let i = 0; i < out.length; i++) out[i] = f(gate[i]!) * up[i]!;
  return out;
}

export const GATE_UP_SWAPPED: Hypothesis = {
  id: 'gate-up-swapped',
  title: 'gate and up swapped or packed otherwise',
  explanation:
    'The activation goes to the up projection instead of the gate, or a fused projection is split in neighbours where ' +
    'its rows hold one half after the other. Every element is a product of the wrong pair.',
  whereToLook:
    'The order of gate and up in the fused tensor, which of the two goes through the activation, and whether halves ' +
    'are interleaved.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (!isGlu(site.node.kind)) return;
    const right = 'f(gate) × up';
    const at = (label: string, halves: (s: Site) => Halves | undefined): Variant => ({
      label,
      parameters: { done: label, right },
      predict: (s) => {
        const read = halves(s);
        return read ? gated(s, read) : s.right;
      },
    });
    yield at('swapped', (s) => swapped(halvesOf(s)));
    if (!isPacked(site)) return;
    yield at('read as neighbours', interleavedHalves);
    yield at('read as neighbours, swapped', (s) => {
      const halves = interleavedHalves(s);
      return halves && swapped(halves);
    });
  },
};

function swapped({ gate, up }: Halves): Halves {
  return { gate: up, up: gate };
}

/** Activations that an engine may take for the right one. */
const ACTIVATIONS: readonly UnaryKind[] = [
  'SILU',
  'GELU',
  'GELU_ERF',
  'GELU_QUICK',
  'RELU',
  'SIGMOID',
  'TANH',
  'HARDSWISH',
  'SOFTPLUS',
];
/** The activation of a gated kind. */
const OWN: Readonly<Record<string, UnaryKind>> = {
  SWIGLU: 'SILU',
  GEGLU: 'GELU',
  GEGLU_ERF: 'GELU_ERF',
  GEGLU_QUICK: 'GELU_QUICK',
  REGLU: 'RELU',
};

export const ACTIVATION_KIND: Hypothesis = {
  id: 'activation-kind',
  title: 'another activation function, or none',
  explanation:
    'The feed-forward layer applies another function than the model’s (the erf form of GELU for the tanh form, SiLU for ' +
    'GELU), or none. Small values are alike, larger ones are not.',
  whereToLook: 'hidden_act of the model and the function that the kernel evaluates.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const { kind } = site.node;
    const single = (ACTIVATIONS as readonly string[]).includes(kind);
    const right = single ? (kind as UnaryKind) : OWN[kind];
    // between two scales it is a soft cap
    if (right === undefined || (kind === 'TANH' && producerOf(site, 0)?.kind === 'SCALE')) return;
    yield activated('none', right, () => (x) => x);
    for (const done of ACTIVATIONS) {
      if (done !== right) yield activated(done, right, (s) => UNARY_FUNCTIONS[done]([], s.arithmetic));
    }
    yield activated('RELU squared', right, () => (x) => (x > 0 ? x * x : 0));
  },
};

function activated(label: string, right: string, gate: (site: Site) => Gate): Variant {
  return {
    label,
    parameters: { activation: label, right },
    predict: (s) => {
      const f = gate(s);
      const isGated = isGlu(s.node.kind);
      const { gate: x, up } = isGated ? halvesOf(s) : { gate: s.source(0) ?? s.right, up: undefined };
      const out = new Float32Array(x.length);
      for (let i = 0; i < out.length; i++) out[i] = f(x[i]!) * (up ? up[i]! : 1);
      return out;
    },
  };
}

export const GATE_PART: Hypothesis = {
  id: 'gate-part',
  title: 'a factor of the gated unit left out',
  explanation: 'The gated unit passes on one of its factors only, or adds them where it should multiply.',
  whereToLook: 'The element-wise kernel between the gate and up projections and the down projection.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants({ node: { kind } }) {
    if (!isGlu(kind)) return;
    const right = 'f(gate) × up';
    const at = (done: string, f: (gate: number, up: number, activate: Gate) => number): Variant => ({
      label: done,
      parameters: { done, right },
      predict: (s) => {
        const { gate, up } = halvesOf(s);
        const activate = gateOf(s);
        const out = new Float32Array(gate.length);
        for (let i = 0; i < out.length; i++) out[i] = f(gate[i]!, up[i]!, activate);
        return out;
      },
    });
    yield at('f(gate)', (gate, _, f) => f(gate));
    yield at('up', (_, up) => up);
    yield at('f(up)', (_, up, f) => f(up));
    yield at('f(gate) + up', (gate, up, f) => f(gate) + up);
    yield at('f(gate × up)', (gate, up, f) => f(gate * up));
    yield at('f(gate) × f(up)', (gate, up, f) => f(gate) * f(up));
    yield at('f(gate) × gate', (gate, _, f) => f(gate) * gate);
  },
};

export const GATE_LIMITS: Hypothesis = {
  id: 'gate-limits',
  title: 'limit or alpha of the gated unit ignored',
  explanation:
    'GPT-OSS bounds gate and up, scales the sigmoid’s argument by alpha and adds 1 to up. Leaving one of these out ' +
    'changes only large values (the limit) or all of them (alpha, the 1).',
  whereToLook: 'swiglu_limit and alpha (1.702) of the model, and on which side each bound applies.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants({ node: { kind, opParams } }) {
    if (kind !== 'SWIGLU_OAI' && kind !== 'SWIGLU_CLAMP') return;
    const oai = kind === 'SWIGLU_OAI';
    const own: Limits = {
      alpha: oai ? floatParam(opParams, 2) : 1,
      gate: floatParam(opParams, 3),
      low: floatParam(opParams, 3),
      high: floatParam(opParams, 3),
      plus: oai ? 1 : 0,
    };
    const { alpha, gate: limit } = own;
    const none = Infinity;
    yield limited('limits ignored', { limit: 'none', right: limit }, { ...own, gate: none, low: none, high: none });
    yield limited('gate not limited', { 'limit of the gate': 'none', right: limit }, { ...own, gate: none });
    yield limited('up not limited', { 'limit of up': 'none', right: limit }, { ...own, low: none, high: none });
    yield limited('up limited above only', { 'lower limit of up': 'none', right: -limit }, { ...own, low: none });
    yield limited('gate limited on both sides', { 'lower limit of the gate': -limit }, { ...own, gateLow: limit });
    if (!oai) return;
    yield limited('alpha ignored', { alpha: 1, right: alpha }, { ...own, alpha: 1 });
    yield limited('1 not added to up', { added: 0, right: 1 }, { ...own, plus: 0 });
    yield limited(
      'plain SwiGLU',
      { done: 'silu(gate) × up' },
      { alpha: 1, gate: none, low: none, high: none, plus: 0 },
    );
    yield {
      label: 'another alpha',
      from: 0.1,
      to: 10,
      spacing: 'log',
      likely: [1.702, 1.7, 2],
      at: (value) => ({
        label: 'another alpha',
        parameters: { alpha: value, right: alpha },
        predict: (s) => evaluateChanged(s, { opParams: withFloatParam(opParams, 2, value) }),
      }),
    };
  },
};

interface Limits {
  readonly alpha: number;
  /** Upper limit of the gate. */
  readonly gate: number;
  /** Its lower one, where there is one. */
  readonly gateLow?: number;
  readonly low: number;
  readonly high: number;
  /** Added to up. */
  readonly plus: number;
}

function limited(label: string, parameters: Variant['parameters'], limits: Limits): Variant {
  const { alpha, gate: most, gateLow = Infinity, low, high, plus } = limits;
  return {
    label,
    parameters,
    predict: (s) => {
      const { gate, up } = halvesOf(s);
      const out = new Float32Array(gate.length);
      for (let i = 0; i < out.length; i++) {
        const g = Math.max(-gateLow, Math.min(gate[i]!, most));
        out[i] = (g / (1 + Math.exp(-alpha * g))) * (Math.max(-low, Math.min(up[i]!, high)) + plus);
      }
      return out;
    },
  };
}
