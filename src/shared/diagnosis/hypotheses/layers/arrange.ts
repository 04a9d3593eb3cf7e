import type { Dims } from '../../../graph/graph';
import { elementCount } from '../../../graph/graph';
import { intParam } from '../../../ops/op';
import type { Hypothesis } from '../../hypothesis';
import type { Site } from '../../site';
import { sourceTensor, valuesOf } from '../../site';

export const CONCAT_ORDER: Hypothesis = {
  id: 'concat-order',
  title: 'parts joined in the wrong order',
  explanation: 'Two parts are joined the other way round, or one of them is left out (zeros in its place).',
  whereToLook: 'The order of the parts: for heads of two parts (with and without position), for states before inputs.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const { kind, opParams } = site.node;
    if (kind !== 'CONCAT') return;
    const d = intParam(opParams, 0);
    const [a, b] = [0, 1].map((i) => sourceTensor(site, i)?.name ?? '');
    const right = `${a}, ${b}`;
    const swap = (s: Site): Float32Array => joined(s, d, [1, 0]);
    yield { label: 'swapped', parameters: { order: `${b}, ${a}`, right }, predict: swap };
    const first = { done: `zeros, ${b}`, right };
    const second = { done: `${a}, zeros`, right };
    yield { label: 'first part zero', parameters: first, predict: (s) => joined(s, d, [undefined, 1]) };
    yield { label: 'second part zero', parameters: second, predict: (s) => joined(s, d, [0, undefined]) };
  },
};

/** Sources in this order along dimension `d`; zeros for undefined, as long as the source whose place it is. */
function joined(site: Site, d: number, order: readonly (number | undefined)[]): Float32Array {
  const { ne } = site.node;
  const inner = ne.slice(0, d).reduce((p, n) => p * n, 1);
  const outer = ne.slice(d + 1).reduce((p, n) => p * n, 1);
  const out = new Float32Array(site.right.length);
  let from = 0;
  order.forEach((index, place) => {
    const along = (sourceTensor(site, index ?? place)?.ne[d] ?? 0) * inner;
    const values = index === undefined ? new Float32Array(along * outer) : valuesOf(site, index);
    for (let o = 0; o < outer; o++) out.set(values.subarray(o * along, (o + 1) * along), o * ne[d]! * inner + from);
    from += along;
  });
  return out;
}

export const REPEAT_ORDER: Hypothesis = {
  id: 'repeat-order',
  title: 'repeated element by element instead of as a whole',
  explanation:
    'A tensor is to be repeated as a whole (a b a b); each of its elements, rows or heads is repeated in its place ' +
    'instead (a a b b).',
  whereToLook: 'How the index into the smaller tensor is computed: modulo its extent, not divided by the factor.',
  citations: ['ekzhang/jax-js#180'],
  catalogue: [38],
  generality: 1,
  *variants(site) {
    const { kind, ne } = site.node;
    const small = sourceTensor(site, 0)?.ne;
    if (kind !== 'REPEAT' || !small) return;
    for (const d of [0, 1, 2, 3]) {
      if (small[d] === 1 || small[d] === ne[d]) continue;
      yield {
        label: `along dimension ${d}`,
        parameters: { order: 'a a b b', right: 'a b a b', dimension: d },
        predict: (s) => repeatedInPlace(valuesOf(s, 0), small, ne, d),
      };
    }
  },
};

function repeatedInPlace(values: Float32Array, small: Dims, ne: Dims, inPlace: number): Float32Array {
  const from = (i: number, d: number): number => (d === inPlace ? Math.floor(i / (ne[d]! / small[d]!)) : i % small[d]!);
  const out = new Float32Array(elementCount(ne));
  let at = 0;
  for (let i3 = 0; i3 < ne[3]; i3++) {
    for (let i2 = 0; i2 < ne[2]; i2++) {
      for (let i1 = 0; i1 < ne[1]; i1++) {
        const row = ((from(i3, 3) * small[2] + from(i2, 2)) * small[1] + from(i1, 1)) * small[0];
        for (let i0 = 0; i0 < ne[0]; i0++, at++) out[at] = values[row + from(i0, 0)]!;
      }
    }
  }
  return out;
}

/** Orders of dimensions 0, 1 and 2 other than the right one. */
const ORDERS: readonly Dims[] = [
  [1, 0, 2, 3],
  [0, 2, 1, 3],
  [2, 1, 0, 3],
  [1, 2, 0, 3],
  [2, 0, 1, 3],
];

export const LAYOUT: Hypothesis = {
  id: 'layout-ignored',
  title: 'permuted tensor copied in the wrong order',
  explanation:
    'A copy is to bring a permuted or transposed tensor into the order of its dimensions; the engine copies memory as it ' +
    'lies, or in another order. All values are there, in other places.',
  whereToLook: 'The strides that the copy uses: heads before tokens or tokens before heads, rows before columns.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const { kind } = site.node;
    const source = sourceTensor(site, 0);
    if ((kind !== 'CONT' && kind !== 'CPY' && kind !== 'DUP') || !source) return;
    if (elementCount(source.ne) !== elementCount(site.node.ne)) return;
    const inMemory = memoryOrder(source.ne, source.nb);
    const seen = new Set([sequence([0, 1, 2, 3], source.ne)]);
    for (const order of ORDERS) {
      const own = sequence(order, source.ne);
      if (seen.has(own)) continue;
      seen.add(own);
      const asItLies = own === sequence(inMemory, source.ne);
      const right = 'in the order of its dimensions';
      yield {
        label: asItLies ? 'as it lies in memory' : `in the order ${order.join(', ')}`,
        parameters: { copied: asItLies ? 'as it lies in memory' : `dimensions ${order.join(', ')}`, right },
        predict: (s) => inOrder(valuesOf(s, 0), source.ne, order),
      };
    }
  },
};

/** Dimensions by stride, least first. */
function memoryOrder(ne: Dims, nb: Dims): readonly number[] {
  return [0, 1, 2, 3].sort((a, b) => Number(ne[a] === 1) - Number(ne[b] === 1) || nb[a]! - nb[b]! || a - b);
}

/** In which sequence an order runs through the elements: dimensions of extent 1 do not count. */
function sequence(order: readonly number[], ne: Dims): string {
  return order.filter((d) => ne[d] !== 1).join();
}

/** The elements with dimension order[0] fastest. */
function inOrder(values: Float32Array, ne: Dims, order: Dims): Float32Array {
  const strides = [1, ne[0], ne[0] * ne[1], ne[0] * ne[1] * ne[2]];
  const [e0, e1, e2, e3] = order.map((d) => ne[d]!) as unknown as Dims;
  const [s0, s1, s2, s3] = order.map((d) => strides[d]!) as unknown as Dims;
  const out = new Float32Array(values.length);
  let at = 0;
  for (let i3 = 0; i3 < e3; i3++) {
    for (let i2 = 0; i2 < e2; i2++) {
      for (let i1 = 0; i1 < e1; i1++) {
        const row = i1 * s1 + i2 * s2 + i3 * s3;
        for (let i0 = 0; i0 < e0; i0++, at++) out[at] = values[row + i0 * s0]!;
      }
    }
  }
  return out;
}
