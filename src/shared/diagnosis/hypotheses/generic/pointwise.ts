import { f32Bits, f32FromBits } from '../../../base/float-bits';
import { elementCount } from '../../../graph/graph';
import type { Hypothesis, Variant } from '../../hypothesis';
import { toBf16, toF16 } from '../../narrow-floats';
import { sourceTensor } from '../../site';
import type { Site } from '../../site';
import { LEAST_ELEMENTS } from './compared';

export const RESULT_ROUNDED: Hypothesis = {
  id: 'result-rounded',
  title: 'result in lower precision',
  explanation: 'Each element is the right one, rounded to a narrower type.',
  whereToLook: 'The type in which this result is stored or handed on.',
  citations: [],
  catalogue: [10, 22],
  generality: 3,
  *variants({ node: { type }, wrong }) {
    if (type !== 'F32' || !wrong) return;
    yield rounded('f16', toF16);
    yield rounded('bf16', toBf16);
    yield rounded('tf32', (x) => f32FromBits((f32Bits(x) + 0x1000) & 0xffffe000));
  },
};

function rounded(label: string, round: (x: number) => number): Variant {
  return { label, parameters: { type: label, right: 'f32' }, predict: (s) => s.right.map(round) };
}

export const RESULT_CLIPPED: Hypothesis = {
  id: 'result-clipped',
  title: 'result held within a range',
  explanation: 'Elements beyond a bound stand at that bound; the rest is right.',
  whereToLook: 'Clamps, saturating conversions and narrow integer types on the way of this result.',
  citations: [],
  catalogue: [19],
  generality: 3,
  *variants(site) {
    const { wrong } = site;
    if (!wrong) return;
    const { low, high } = boundsOf(wrong, site.mask);
    const above = countBeyond(site, (r) => r > high);
    const below = countBeyond(site, (r) => r < low);
    const compared = countBeyond(site, () => true);
    if (above < LEAST_CLIPPED && below < LEAST_CLIPPED) return;
    if (compared < LEAST_ELEMENTS || above + below > compared / 2) return;
    const clip = (least: number, most: number) => (s: Site) => s.right.map((x) => Math.max(least, Math.min(most, x)));
    if (above >= LEAST_CLIPPED) yield { label: 'above', parameters: { most: high }, predict: clip(-Infinity, high) };
    if (below >= LEAST_CLIPPED) yield { label: 'below', parameters: { least: low }, predict: clip(low, Infinity) };
    if (Math.min(above, below) >= LEAST_CLIPPED) {
      yield { label: 'both', parameters: { least: low, most: high }, predict: clip(low, high) };
    }
  },
};

/** A bound shows where several elements stand at it, and most do not. */
const LEAST_CLIPPED = 3;

function boundsOf(values: Float32Array, mask: Uint8Array | undefined): { low: number; high: number } {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (mask?.[i] === 0 || !Number.isFinite(v)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return { low, high };
}

function countBeyond({ right, mask }: Site, isBeyond: (r: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < right.length; i++) if (mask?.[i] !== 0 && isBeyond(right[i]!)) count++;
  return count;
}

export const SIGN_LOST: Hypothesis = {
  id: 'sign-lost',
  title: 'signs lost',
  explanation: 'Negative elements come out positive, or as zero; positive ones are right.',
  whereToLook: 'Signed and unsigned types on the way of this result, and an activation that does not belong here.',
  citations: [],
  catalogue: [6],
  generality: 3,
  *variants({ right, wrong }) {
    if (!wrong || !right.some((x) => x < 0)) return;
    yield { label: 'magnitude', parameters: { done: '|x|', right: 'x' }, predict: (s) => s.right.map(Math.abs) };
    const relu = (s: Site): Float32Array => s.right.map((x) => (x < 0 ? 0 : x));
    yield { label: 'negative as zero', parameters: { done: 'max(x, 0)', right: 'x' }, predict: relu };
  },
};

export const INPUT_PASSED_ON: Hypothesis = {
  id: 'input-passed-on',
  title: 'an input in place of the result',
  explanation: 'The result is one of the node’s inputs, unchanged: the op was not executed, or its output never read.',
  whereToLook: 'Whether the kernel ran, into which buffer it writes, and which buffer is read afterwards.',
  citations: [],
  catalogue: [],
  generality: 3,
  *variants(site) {
    const { node } = site;
    for (const index of node.src.keys()) {
      const t = sourceTensor(site, index);
      if (!t || elementCount(t.ne) !== elementCount(node.ne) || !site.source(index)) continue;
      yield {
        label: `input ${index}`,
        parameters: { done: t.name, right: node.kind },
        predict: (s) => (s.source(index) ?? s.right).slice(),
      };
    }
  },
};
