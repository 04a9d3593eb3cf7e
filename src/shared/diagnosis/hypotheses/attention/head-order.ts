import type { GraphTensor } from '../../../graph/graph';
import { tensorOf } from '../../../graph/graph';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, valuesOf } from '../../site';
import { evaluateAsIs } from './source-values';

/** What a row over all heads is made of. */
interface Heads {
  readonly channels: number;
  readonly heads: number;
}

export const HEAD_ORDER: Hypothesis = {
  id: 'head-order',
  title: 'a row is cut into heads, or heads are merged, the wrong way',
  explanation:
    'A row of all heads holds head after head, head_dim channels each. Where the head is taken as the fastest index, or ' +
    'heads come in another order, each head gets channels of the others.',
  whereToLook:
    'The reshape of Q, K and V into heads and the merge after attention: channel c of head h is element h·head_dim + c.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const cut = cutOf(site);
    const merged = mergedOf(site);
    if (cut) {
      yield variant('cut with the head as the fastest index', (s) =>
        evaluateChanged(s, { sources: new Map([[0, eachRow(valuesOf(s, 0), cut, (c, h) => h + cut.heads * c)]]) }),
      );
      yield variant('heads in reverse', (s) =>
        evaluateChanged(s, {
          sources: new Map([[0, eachRow(valuesOf(s, 0), cut, (c, h) => (cut.heads - 1 - h) * cut.channels + c)]]),
        }),
      );
    }
    if (merged) {
      const { channels, heads } = merged;
      yield variant('merged with the head as the fastest index', (s) =>
        eachRow(evaluateAsIs(s), merged, (c, h) => {
          const place = h * channels + c;
          return (place % heads) * channels + Math.floor(place / heads);
        }),
      );
      yield variant('merged in reverse', (s) =>
        eachRow(evaluateAsIs(s), merged, (c, h) => (heads - 1 - h) * channels + c),
      );
    }
  },
};

function variant(label: string, predict: (site: Site) => Float32Array): Variant {
  return { label, parameters: { heads: label }, predict };
}

/** ROPE on rows that were cut into heads. */
function cutOf({ node }: Site): Heads | undefined {
  if (node.kind !== 'ROPE' || node.ne[1] < 2) return undefined;
  return { channels: node.ne[0], heads: node.ne[1] };
}

/** The copy after attention: [head_dim, heads, tokens] becomes rows. */
function mergedOf({ graph, node }: Site): Heads | undefined {
  if (node.kind !== 'CONT' && node.kind !== 'CPY') return undefined;
  const source: GraphTensor | undefined = node.src[0] === undefined ? undefined : tensorOf(graph, node.src[0]);
  if (!source || source.ne[1] < 2 || node.ne[0] !== source.ne[0] * source.ne[1]) return undefined;
  return { channels: source.ne[0], heads: source.ne[1] };
}

/** Every row with its elements from other places: `out[h·channels + c] = row[from(c, h)]`. */
function eachRow(
  values: Float32Array,
  { channels, heads }: Heads,
  from: (c: number, h: number) => number,
): Float32Array {
  const order = new Int32Array(channels * heads);
  for (let h = 0; h < heads; h++) for (let c = 0; c < channels; c++) order[h * channels + c] = from(c, h);
  const out = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += order.length) {
    for (let i = 0; i < order.length; i++) out[at + i] = values[at + (order[i] as number)] as number;
  }
  return out;
}
