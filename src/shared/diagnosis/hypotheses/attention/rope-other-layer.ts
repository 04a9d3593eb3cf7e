import { tensorOf } from '../../../graph/graph';
import { ropeParams } from '../../../ops/rope-angles';
import type { Hypothesis } from '../../hypothesis';
import { ropeOf, withRopeParams } from './rope-site';

/** Different kinds of layers have different bases and scales: Gemma 3's local ones 10000, its global ones 1000000. */
export const ROPE_OTHER_LAYER: Hypothesis = {
  id: 'rope-of-other-layers',
  title: 'RoPE uses the parameters of another kind of layer',
  explanation:
    'Models that mix local and global attention rotate them with different bases or scales. This layer was rotated with ' +
    'what is right for other layers.',
  whereToLook:
    'How your engine decides which layers are local (sliding window) and which rope.freq_base it gives to each.',
  citations: [],
  catalogue: [],
  generality: 1,
  *variants(site) {
    const { graph, node } = site;
    if (!ropeOf(site)) return;
    const own = node.opParams.join();
    const seen = new Set([own]);
    for (const id of graph.order) {
      const other = tensorOf(graph, id);
      if (other.kind !== 'ROPE' || seen.has(other.opParams.join()) || other.ne[0] !== node.ne[0]) continue;
      seen.add(other.opParams.join());
      const [p, right] = [ropeParams(other.opParams), ropeParams(node.opParams)];
      yield {
        label: `base ${p.freqBase}, scale ${p.freqScale}, ${p.dims} channels`,
        parameters: { like: other.name, base: p.freqBase, rightBase: right.freqBase },
        predict: (s) => withRopeParams(s, other.opParams),
      };
    }
  },
};
