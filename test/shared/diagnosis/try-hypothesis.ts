/** Tries a hypothesis on one node with given inputs, as diagnose() does, without a graph around it. */
import { bestValue } from '../../../src/shared/diagnosis/family-search';
import { explainedShare } from '../../../src/shared/diagnosis/explained';
import type { Hypothesis, Parameters, Variant } from '../../../src/shared/diagnosis/hypothesis';
import { isFamily } from '../../../src/shared/diagnosis/hypothesis';
import type { Site } from '../../../src/shared/diagnosis/site';
import { QuarrelError } from '../../../src/shared/base/errors';
import type { WeightSource } from '../../../src/shared/gguf/model-source';
import type { Graph, GraphTensor } from '../../../src/shared/graph/graph';
import type { Arithmetic } from '../../../src/shared/ops/arithmetic';
import { evaluateNode } from '../../../src/shared/ops/evaluate-node';
import { weightsOf } from '../ops/graph-builder';

export interface SiteInputs {
  readonly graph: Graph;
  readonly node: GraphTensor;
  /** By index; undefined for weights and absent sources. */
  readonly sources: readonly (Float32Array | undefined)[];
  readonly weights?: WeightSource;
  readonly wrong?: Float32Array;
  readonly mask?: Uint8Array;
  readonly before?: Float32Array;
  /** By source index: what a view with gaps lies in. */
  readonly memories?: readonly (Float32Array | undefined)[];
  /** Results of earlier nodes, by key. */
  readonly earlier?: Readonly<Record<string, Float32Array>>;
  readonly arithmetic?: Arithmetic;
}

/** A site whose right result is computed by the reference op. */
export function siteOf(inputs: SiteInputs): Site {
  const { graph, node, sources, weights = weightsOf({}), arithmetic = 'exact' } = inputs;
  return {
    graph,
    node,
    weights,
    arithmetic,
    right: evaluateNode(graph, node, { sources, weights }, arithmetic),
    wrong: inputs.wrong,
    mask: inputs.mask,
    source: (index) => sources[index],
    memory: (index) => inputs.memories?.[index],
    earlier: (t) => inputs.earlier?.[t.key],
    before: () => inputs.before,
  };
}

export interface Tried {
  readonly share: number;
  readonly label: string;
  readonly parameters: Parameters;
}

const NOISE = 1e-12;

/** The hypothesis's best variant at a site that has a wrong result; undefined where it does not apply. */
export async function bestOf(hypothesis: Hypothesis, site: Site): Promise<Tried | undefined> {
  let best: Tried | undefined;
  const tryOne = (variant: Variant): number => {
    const share = shareOf(variant, site);
    if (Number.isFinite(share) && (!best || share > best.share)) {
      best = { share, label: variant.label, parameters: variant.parameters };
    }
    return share;
  };
  for (const variant of hypothesis.variants(site)) {
    if (!isFamily(variant)) tryOne(variant);
    else await bestValue(variant, (value) => Promise.resolve(tryOne(variant.at(value))));
  }
  return best;
}

function shareOf(variant: Variant, site: Site): number {
  if (!site.wrong) throw new TypeError('the site has no wrong result');
  try {
    return explainedShare(site.right, site.wrong, variant.predict(site), NOISE, site.mask).share;
  } catch (error) {
    if (error instanceof QuarrelError) return NaN;
    throw error;
  }
}
