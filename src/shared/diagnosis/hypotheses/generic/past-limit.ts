import type { Dims } from '../../../graph/graph';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';

const AXES = ['channel', 'row', 'plane'] as const;

/** Slices before the limit err less than this share of what the least wrong one behind it does. */
const RIGHT = 1e-3;
/** One factor for all of them where the rest is this small a share. */
const ONE_FACTOR = 1e-3;

export const WRONG_PAST_LIMIT: Hypothesis = {
  id: 'wrong-past-limit',
  title: 'wrong from some channel, token or head on, right before it',
  explanation:
    'Everything up to a limit is right, everything from there on is wrong. The numbers behind the limit are not made by ' +
    'a known mistake; they may be what the buffer held before, or computed with another row’s data.',
  whereToLook:
    'What changes at this limit: tile and workgroup sizes, a bounds check, the path for the rest, the type of an index.',
  citations: ['ggml-org/llama.cpp#27450', 'ggml-org/llama.cpp#25464'],
  catalogue: [13],
  generality: 4,
  *variants(site) {
    for (const [axis, name] of AXES.entries()) {
      const from = limitOf(site, axis);
      if (from !== undefined && !isOfRotation(site, axis, from)) yield pastLimit(site, axis, name, from);
    }
  },
};

/** At any base the first pair of channels turns alike, and the first token not at all: all behind them are wrong together. */
function isOfRotation({ node }: Site, axis: number, from: number): boolean {
  return node.kind === 'ROPE' && ((axis === 0 && from === 2) || (axis === 2 && from === 1));
}

const indexAlong = (i: number, ne: Dims, axis: number): number =>
  Math.floor(i / ne.slice(0, axis).reduce((a, b) => a * b, 1)) % ne[axis]!;

/** The first wrong slice, if those before it are right and all from it on are wrong; of those that are compared. */
function limitOf({ wrong, right, mask, node: { ne } }: Site, axis: number): number | undefined {
  const n = ne[axis]!;
  if (!wrong || n < 2) return undefined;
  const error = new Float64Array(n);
  const energy = new Float64Array(n);
  const compared = new Uint8Array(n);
  wrong.forEach((w, i) => {
    if (mask?.[i] === 0) return;
    const at = indexAlong(i, ne, axis);
    compared[at] = 1;
    const e = (w - right[i]!) ** 2;
    error[at]! += Number.isFinite(e) ? e : Infinity;
    energy[at]! += right[i]! ** 2;
  });
  const shares = Array.from(error, (e, at) => (e === 0 ? 0 : e / energy[at]!));
  const greatest = Math.max(...shares);
  const from = shares.findIndex((s) => s > RIGHT * greatest);
  if (from < 1) return undefined;
  const before = shares.slice(0, from).filter((_, at) => compared[at] === 1);
  const past = shares.slice(from).filter((_, at) => compared[from + at] === 1);
  if (before.length === 0) return undefined;
  const least = Math.min(...past);
  return least > 0 && Math.max(...before) <= RIGHT * least ? from : undefined;
}

function pastLimit(site: Site, axis: number, name: string, from: number): Variant {
  const { ne } = site.node;
  const isPast = (i: number): boolean => indexAlong(i, ne, axis) >= from;
  const factor = factorPast(site, isPast);
  const held = (i: number, right: number): number => site.wrong?.[i] ?? right;
  return {
    label: `from ${name} ${from} on`,
    parameters: { from, along: `${name}s`, of: ne[axis]!, ...(factor === undefined ? {} : { factor, right: 1 }) },
    needsAllRows: true,
    predict: (s) => s.right.map((r, i) => (!isPast(i) ? r : factor === undefined ? held(i, r) : factor * r)),
  };
}

/** The number by which all results past the limit are multiplied; undefined where it is not one. */
function factorPast({ wrong, right, mask }: Site, isPast: (i: number) => boolean): number | undefined {
  let [rr, rw, ww] = [0, 0, 0];
  wrong?.forEach((w, i) => {
    if (mask?.[i] === 0 || !isPast(i)) return;
    rr += right[i]! ** 2;
    rw += right[i]! * w;
    ww += w * w;
  });
  const factor = rw / rr;
  return ww - factor * rw <= ONE_FACTOR * (rr + ww) ? factor : undefined;
}
