import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged } from '../../site';
import { channelsLookLike, withChannels } from './channels';
import { weightOf } from './weight-site';

/** Usual sizes of a head, where the graph does not show it. */
const USUAL_SIZES = [64, 128, 32, 96, 80, 112, 192, 256, 16, 48];

/** Extents by which the graph itself cuts the node's channels: heads first. */
function headSizes(site: Site): readonly number[] {
  const { graph, node } = site;
  const [channels] = node.ne;
  const cut = graph.tensors.filter((t) => t.viewSrc === node.id || t.src.includes(node.id)).map((t) => t.ne[0]);
  const sizes = cut.filter((n) => n < channels);
  return [...new Set([...sizes, ...USUAL_SIZES])].filter((n) => n % 2 === 0 && n <= channels && channels % n === 0);
}

type Direction = 'half-split to interleaved' | 'interleaved to half-split';

/** The right channel that lies where channel `c` should. */
function permuted(c: number, head: number, direction: Direction): number {
  const half = head / 2;
  const within = c % head;
  const start = c - within;
  if (direction === 'half-split to interleaved') return start + (within % 2) * half + (within >> 1);
  return start + 2 * (within % half) + Math.floor(within / half);
}

export const QK_PERMUTE: Hypothesis = {
  id: 'qk-rows-permuted',
  title: 'the rows of each head are permuted: the Q/K permute is skipped or done twice',
  explanation:
    'For NORM rope GGUF stores rows of attn_q and attn_k so that the two halves of each head alternate; original ' +
    'checkpoints keep the halves apart. In the other order Q and K are right numbers in the wrong channels.',
  whereToLook:
    'The permute of Q and K in conversion or loading: exactly once for llama-like models, never for NEOX ones; or the rope ' +
    'that expects the other layout.',
  citations: ['ggml-org/llama.cpp#22611'],
  catalogue: [26],
  generality: 1,
  *variants(site) {
    const weight = weightOf(site);
    if (!weight || site.node.kind !== 'MUL_MAT') return;
    const [channels] = site.node.ne;
    for (const head of headSizes(site)) {
      for (const direction of ['half-split to interleaved', 'interleaved to half-split'] as const) {
        if (!channelsLookLike(site, (c) => permuted(c, head, direction))) continue;
        const map = Int32Array.from({ length: channels }, (_, c) => permuted(c, head, direction));
        const variant: Variant = {
          label: `${direction}, heads of ${head}`,
          parameters: { order: direction, headSize: head },
          needsAllRows: true,
          predict: (s) => withChannels(evaluateChanged(s, {}), channels, map),
        };
        yield variant;
      }
    }
  },
};
