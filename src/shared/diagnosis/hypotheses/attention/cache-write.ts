import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import type { CacheWrite } from './cache-site';
import { cacheWriteOf, written } from './cache-site';

/** Where rows go: −1 writes none. `token` counts the written ones, of `tokens`; `first` is the first one's place. */
interface Place {
  readonly at: number;
  readonly first: number;
  readonly token: number;
  readonly tokens: number;
}
/** Tokens that are left out one at a time. */
const MOST_TOKENS = 32;

type PlaceOf = (place: Place) => number;

export const CACHE_WRITE: Hypothesis = {
  id: 'cache-write',
  title: 'new keys or values are written to the wrong place of the cache, or not at all',
  explanation:
    'Each token’s K and V go into the cell of the cache that its position was given. Cells off by one, overwritten or ' +
    'left as they were make later tokens attend to other keys: a full forward is right, cached decoding wrong.',
  whereToLook:
    'The cell index in your cache write: past length plus index in the batch, in rows (not bytes or elements), once per token.',
  citations: ['ggml-org/llama.cpp#14822', 'tenstorrent/tt-metal#54413', 'chrishayuk/larql#177'],
  catalogue: [43],
  generality: 1,
  *variants(site) {
    const write = cacheWriteOf(site);
    if (!write) return;
    yield placed('not written', () => -1);
    yield placed('one cell too far', ({ at }) => at + 1);
    yield placed('one cell too near', ({ at }) => at - 1);
    if ((write.at[0] ?? 0) > 0) yield placed('from cell 0 on', ({ at, first }) => at - first);
    if (tokensOf(write) < 2) return;
    yield placed('only the last token', ({ at, token, tokens }) => (token === tokens - 1 ? at : -1));
    yield placed('only the first token', ({ at, token }) => (token === 0 ? at : -1));
    yield placed('all but the last token', ({ at, token, tokens }) => (token === tokens - 1 ? -1 : at));
    yield placed('all but the first token', ({ at, token }) => (token === 0 ? -1 : at));
    for (let lost = 1; lost < Math.min(tokensOf(write) - 1, MOST_TOKENS); lost++) {
      yield placed(`all but token ${lost}`, ({ at, token }) => (token === lost ? -1 : at));
    }
    yield placed('all into the first cell', ({ at, token }) => at - token);
    yield placed('all into the last cell', ({ at, token, tokens }) => at + tokens - 1 - token);
    yield placed('in reverse order', ({ at, token, tokens }) => at + tokens - 1 - 2 * token);
    yield {
      label: 'the last token in every cell',
      parameters: { written: 'the last token in every cell' },
      predict: (s) => withRows(s, (_, tokens) => tokens - 1),
    };
    yield {
      label: 'the first token in every cell',
      parameters: { written: 'the first token in every cell' },
      predict: (s) => withRows(s, () => 0),
    };
  },
};

const tokensOf = ({ at, rowsPerToken }: CacheWrite): number => at.length / rowsPerToken;

function placed(label: string, placeOf: PlaceOf): Variant {
  return {
    label,
    parameters: { written: label },
    predict: (s) => {
      const write = cacheWriteOf(s);
      return write ? written(s, write, write.rows, places(write, placeOf)) : s.right;
    },
  };
}

function places(write: CacheWrite, placeOf: PlaceOf): Float64Array {
  const tokens = tokensOf(write);
  return Float64Array.from(write.at, (cell, i) =>
    placeOf({ at: cell, first: write.at[0] as number, token: Math.floor(i / write.rowsPerToken), tokens }),
  );
}

/** Another token's row in each place. */
function withRows(site: Site, tokenOf: (token: number, tokens: number) => number): Float32Array {
  const write = cacheWriteOf(site);
  if (!write) return site.right;
  const run = write.rowsPerToken * write.width;
  const tokens = write.rows.length / run;
  const rows = new Float32Array(write.rows.length);
  for (let t = 0; t < tokens; t++) {
    const from = tokenOf(t, tokens) * run;
    rows.set(write.rows.subarray(from, from + run), t * run);
  }
  return written(site, write, rows, write.at);
}
