import type { OpKind } from '../../../graph/ggml-op';
import { floatParam } from '../../../ops/op';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, producerOf, sourceTensor, valuesOf } from '../../site';
import { withFloatParam } from '../op-params';
import { operand } from './operands';

/** Which source plays which part: see ops/linear-attention.ts. */
interface Parts {
  readonly state: number;
  readonly k: number;
  readonly v: number;
  readonly q: number;
  readonly decay: number;
  /** The decay that leaves the state as it is. */
  readonly keeps: number;
  readonly beta?: number;
  readonly bonus?: number;
}

const PARTS: Partial<Readonly<Record<OpKind, Parts>>> = {
  GATED_LINEAR_ATTN: { k: 0, v: 1, q: 2, decay: 3, state: 4, keeps: 1 },
  RWKV_WKV6: { k: 0, v: 1, q: 2, bonus: 3, decay: 4, state: 5, keeps: 1 },
  RWKV_WKV7: { q: 0, decay: 1, k: 2, v: 3, state: 6, keeps: 1 },
  GATED_DELTA_NET: { q: 0, k: 1, v: 2, decay: 3, beta: 4, state: 5, keeps: 0 },
};

export const RECURRENCE: Hypothesis = {
  id: 'linear-attention',
  title: 'linear attention with a part missing',
  explanation:
    'The recurrence of a linear-attention layer (RWKV, gated delta net) runs without its state, decay, bonus or gate, or ' +
    'with two of its inputs swapped. The first token may be right; later ones drift.',
  whereToLook: 'The order of the kernel’s inputs, the form of the decay (e^g or g), and the state between graphs.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const parts = PARTS[site.node.kind];
    if (!parts) return;
    const { state, k, v, q, decay, keeps, beta, bonus } = parts;
    const filled = (label: string, index: number, value: number): Variant => ({
      label,
      parameters: { done: label },
      predict: (s) => replaced(s, index, (x) => new Float32Array(x.length).fill(value)),
    });
    if (operand(site, state)?.some((x) => x !== 0)) yield filled('state taken as zero', state, 0);
    yield filled('no decay', decay, keeps);
    if (beta !== undefined) yield filled('beta ignored', beta, 1);
    if (bonus !== undefined) yield filled('bonus of the current token ignored', bonus, 0);
    if (bonus !== undefined) yield filled('bonus of the current token 1', bonus, 1);
    yield {
      label: 'state transposed',
      parameters: { done: 'state transposed' },
      predict: (s) => replaced(s, state, (x) => transposedSquares(x, sourceTensor(s, v)?.ne[0] ?? 1)),
    };
    for (const [label, a, b] of [
      ['k and v swapped', k, v],
      ['q and k swapped', q, k],
    ] as const) {
      yield { label, parameters: { done: label }, predict: (s) => swapped(s, a, b) };
    }
    yield {
      label: 'sign of the decay',
      parameters: { done: 'decay negated' },
      predict: (s) => replaced(s, decay, (x) => x.map((g) => (keeps === 0 ? -g : 1 / g))),
    };
    yield {
      label: 'form of the decay',
      parameters: { done: keeps === 0 ? 'g for e^g' : 'e^(−e^g) for g' },
      predict: (s) =>
        replaced(s, decay, (x) => x.map((g) => (keeps === 0 ? Math.log(Math.abs(g)) : Math.exp(-Math.exp(g))))),
    };
    if (site.node.kind === 'GATED_LINEAR_ATTN' && floatParam(site.node.opParams, 0) !== 1) {
      yield {
        label: 'scale missing',
        parameters: { scale: 1, right: floatParam(site.node.opParams, 0) },
        predict: (s) => evaluateChanged(s, { opParams: withFloatParam(s.node.opParams, 0, 1) }),
      };
    }
  },
};

function replaced(site: Site, index: number, change: (x: Float32Array) => Float32Array): Float32Array {
  const x = operand(site, index);
  return x ? evaluateChanged(site, { sources: new Map([[index, change(x)]]) }) : site.right;
}

function swapped(site: Site, a: number, b: number): Float32Array {
  const [x, y] = [valuesOf(site, a), valuesOf(site, b)];
  if (x.length !== y.length) return site.right;
  return evaluateChanged(site, {
    sources: new Map([
      [a, y],
      [b, x],
    ]),
  });
}

function transposedSquares(values: Float32Array, size: number): Float32Array {
  const area = size * size;
  return values.map((_, at) => {
    const i = at % area;
    return values[at - i + (i % size) * size + Math.floor(i / size)]!;
  });
}

export const TOKEN_SHIFT: Hypothesis = {
  id: 'token-shift',
  title: 'difference to the token before missing or reversed',
  explanation:
    'RWKV mixes each token with the one before: it adds a share of their difference. Without the difference, or with its ' +
    'sign reversed, every mixed input of the layer is wrong.',
  whereToLook:
    'The token shift: where the last token of the previous batch is kept, and which of the two is taken off.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    if (site.node.kind !== 'SUB') return;
    const [a, b] = [0, 1].map((i) => sourceTensor(site, i)?.name ?? '');
    const right = `${a} − ${b}`;
    yield { label: 'zero', parameters: { done: 'no shift', right }, predict: (s) => s.right.map(() => 0) };
    yield { label: 'reversed', parameters: { done: `${b} − ${a}`, right }, predict: (s) => s.right.map((x) => -x) };
    yield { label: 'first term only', parameters: { done: a ?? '', right }, predict: (s) => valuesOf(s, 0).slice() };
    yield {
      label: 'added',
      parameters: { done: `${a} + ${b}`, right },
      predict: (s) => evaluateChanged(s, { kind: 'ADD' }),
    };
    if (producerOf(site, 0)?.kind !== 'CONCAT') return;
    yield {
      label: 'state taken as zero',
      parameters: { done: 'zeros before the first token', right: 'the last token of the batch before' },
      predict: (s) => {
        const [n] = s.node.ne;
        const x = valuesOf(s, 0).slice();
        x.fill(0, 0, n);
        return evaluateChanged(s, { sources: new Map([[0, x]]) });
      },
    };
  },
};
