import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged } from '../../site';
import { CAPS, SMALL_TILES } from './tiles';
import { weightOf } from './weight-site';

/** Which elements of the result are never written: those from channel or token `from` on. */
interface Unwritten {
  readonly along: 'channels' | 'tokens';
  readonly from: number;
}

/** What a buffer holds that nobody wrote. */
const HELD = [0, NaN];

export const RESULTS_NOT_COMPUTED: Hypothesis = {
  id: 'results-past-tile-missing',
  title: 'results past a multiple of the tile are not computed',
  explanation:
    'A kernel launched for whole tiles never writes the last rows of the weight (channels of the result) or the last ' +
    'tokens of the batch; what is left there are zeros, or NaN.',
  whereToLook: 'The number of workgroups (rounded up?) and the bounds check inside; limits on rows or batch size.',
  citations: ['ggml-org/llama.cpp#27450', 'ggml-org/llama.cpp#25464'],
  catalogue: [13],
  generality: 1,
  *variants(site) {
    if (!weightOf(site)) return;
    for (const held of HELD) {
      for (const along of ['channels', 'tokens'] as const) yield* missingAlong(site, along, held);
    }
  },
};

function* missingAlong(site: Site, along: Unwritten['along'], held: number): Iterable<Variant> {
  const n = site.node.ne[along === 'channels' ? 0 : 1];
  const shown = firstHeld(site, along, held);
  const known = new Set<number>();
  const missing = (label: string, from: number, parameters: Readonly<Record<string, number>>): Variant => {
    known.add(from);
    return {
      label: Number.isNaN(held) ? `${label}, NaN` : label,
      parameters: { ...parameters, [along]: n, missing: n - from },
      needsAllRows: true,
      predict: (s) => heldFrom(s, evaluateChanged(s, {}), { along, from }, held),
    };
  };
  const mayBe = (from: number): boolean =>
    from > 0 && from < n && !known.has(from) && (shown === undefined || shown === from);
  for (const tile of SMALL_TILES) {
    const from = n - (n % tile);
    if (mayBe(from)) yield missing(`${along} mod ${tile}`, from, { tile });
  }
  for (const from of [1, 2, 4, 8, 16, 32, 64, 128, ...CAPS]) {
    if (mayBe(from)) yield missing(`${along} past ${from}`, from, { limit: from });
  }
  if (shown !== undefined && mayBe(shown))
    yield { ...missing(`${along} past a limit`, shown, { limit: shown }), estimated: true };
}

function heldFrom(site: Site, right: Float32Array, { along, from }: Unwritten, held: number): Float32Array {
  const [n0, n1] = site.node.ne;
  const out = right.slice();
  if (along === 'channels') for (let i = 0; i < out.length; i += n0) out.fill(held, i + from, i + n0);
  else for (let i = 0; i < out.length; i += n0 * n1) out.fill(held, i + from * n0, i + n0 * n1);
  return out;
}

/** From where on a known wrong result is all `held`; its extent where it nowhere is. Undefined where it is not known. */
function firstHeld({ wrong, mask, node }: Site, along: Unwritten['along'], held: number): number | undefined {
  if (!wrong) return undefined;
  const [n0, n1] = node.ne;
  let from = 0;
  wrong.forEach((w, i) => {
    if (mask?.[i] === 0 || Object.is(w, held) || w === held) return;
    from = Math.max(from, 1 + (along === 'channels' ? i % n0 : Math.floor(i / n0) % n1));
  });
  return from;
}
