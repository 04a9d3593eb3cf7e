import type { Graph, GraphTensor } from '../../../graph/graph';
import { ropeParams } from '../../../ops/rope-angles';
import type { Hypothesis, Variant } from '../../hypothesis';
import type { Site } from '../../site';
import { evaluateChanged, isWeightSource, valuesOf } from '../../site';
import { halvesFromInterleaved, interleavedFromHalves, withLayout } from './head-channels';
import { readersOf } from '../../../graph/readers';
import { ropeOf } from './rope-site';
import { evaluateAsIs } from './source-values';

const LAYOUTS = [
  ['half-split for interleaved', halvesFromInterleaved],
  ['interleaved for half-split', interleavedFromHalves],
] as const;

/** Ops that lie between a projection and its rotation: bias, scale, norm. */
const PASSED: ReadonlySet<string> = new Set(['ADD', 'MUL', 'RMS_NORM', 'SCALE']);

export const HEAD_LAYOUT: Hypothesis = {
  id: 'head-channel-layout',
  title: 'channels of each Q or K head lie in another order: the permute is skipped or done twice',
  explanation:
    'Hugging Face keeps a head’s pairs in halves (i, i + n/2); GGUF permutes Q and K rows of NORM-rope models to ' +
    'neighbours (2i, 2i+1). Where that permutation is skipped or done twice, the values are right but in other places.',
  whereToLook:
    'The conversion of attn_q and attn_k (permute in the converter) and whether your engine permutes rows once more, or ' +
    'pairs channels as the original model does.',
  citations: ['ggml-org/llama.cpp#22611'],
  catalogue: [26],
  generality: 1,
  *variants(site) {
    const p = ropeOf(site);
    if (p) yield* aroundRope(site.node, p.dims, p.firstChannel);
    else yield* atProjection(site);
  },
};

function* aroundRope(node: GraphTensor, dims: number, first: number): Iterable<Variant> {
  const [channels] = node.ne;
  if (dims < 4 || first + dims > channels) return;
  for (const [label, layoutOf] of LAYOUTS) {
    const laidOut = (values: Float32Array): Float32Array => withLayout(values, channels, layoutOf(dims), first);
    yield {
      label: `${label}, before RoPE`,
      parameters: { layout: label, channels: dims },
      predict: (s) => evaluateChanged(s, { sources: new Map([[0, laidOut(valuesOf(s, 0))]]) }),
    };
    yield {
      label: `${label}, after RoPE`,
      parameters: { layout: label, channels: dims },
      predict: (s) => laidOut(evaluateAsIs(s)),
    };
  }
}

/** The weight's rows permuted head by head: seen at the mat-mul, where a ROPE follows. */
function* atProjection(site: Site): Iterable<Variant> {
  const { kind, ne } = site.node;
  if (kind !== 'MUL_MAT' || !isWeightSource(site, 0)) return;
  const rope = ropeAfter(site.graph, site.node, 4);
  if (!rope) return;
  const [channels] = rope.ne;
  const { dims, firstChannel } = ropeParams(rope.opParams);
  if (ne[0] % channels !== 0 || dims < 4 || firstChannel + dims > channels) return;
  for (const [label, layoutOf] of LAYOUTS) {
    yield {
      label: `${label}, in the projection`,
      parameters: { layout: label, channels: dims },
      needsAllRows: true,
      predict: (s) => withLayout(evaluateAsIs(s), channels, layoutOf(dims), firstChannel),
    };
  }
}

function ropeAfter(graph: Graph, node: GraphTensor, depth: number): GraphTensor | undefined {
  for (const reader of readersOf(graph, node)) {
    if (reader.kind === 'ROPE') return reader;
    const found = depth > 0 && PASSED.has(reader.kind) ? ropeAfter(graph, reader, depth - 1) : undefined;
    if (found) return found;
  }
  return undefined;
}
