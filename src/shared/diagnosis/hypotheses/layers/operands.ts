/** What a node reads, also where it lies in the model file: the small weights of norms, biases and convolutions. */
import type { WeightSource } from '../../../gguf/model-source';
import { decodeTensor } from '../../../gguf/decode-rows';
import { elementCount, memoryOwner } from '../../../graph/graph';
import { isContiguous, isFloat, sameExtents } from '../../../ops/tensor-shape';
import { QUANT_FORMATS } from '../../../quant/registry';
import type { Site } from '../../site';
import { isWeightSource, sourceTensor } from '../../site';

/** Weights with more elements are not decoded as a whole. */
const MOST_ELEMENTS = 1 << 22;

/** Source `index`, all elements in logical order, from the model file too; undefined where it is absent, large or strided. */
export function operand(site: Site, index: number): Float32Array | undefined {
  const given = site.source(index);
  const t = sourceTensor(site, index);
  if (given || !t) return given;
  const owner = memoryOwner(site.graph, t);
  if (owner.role !== 'weight' || elementCount(owner.ne) > MOST_ELEMENTS || !isContiguous(t)) return undefined;
  const all = namedWeight(site.weights, owner.name);
  if (!all) return undefined;
  if (t.viewOffs !== 0 && !isFloat(owner.type)) return undefined;
  const from = t.viewOffs / QUANT_FORMATS[owner.type].blockBytes;
  return all.subarray(from, from + elementCount(t.ne));
}

function namedWeight(weights: WeightSource, name: string): Float32Array | undefined {
  const tensor = weights.tensor(name);
  return tensor && decodeTensor(tensor);
}

/** The name in the model file of the weight at source `index`; undefined where there is none. */
export function weightName(site: Site, index: number): string | undefined {
  const t = sourceTensor(site, index);
  return t && isWeightSource(site, index) ? memoryOwner(site.graph, t).name : undefined;
}

/** Whether source `index` is one value per channel, from the model file. */
export function isChannelWeight(site: Site, index: number): boolean {
  const t = sourceTensor(site, index);
  const [n] = site.node.ne;
  return t !== undefined && isWeightSource(site, index) && n > 1 && t.ne[0] === n && elementCount(t.ne) === n;
}

/** Whether both sources are computed and of the result's shape. */
export function isOfTwoActivations(site: Site): boolean {
  return [0, 1].every((i) => {
    const t = sourceTensor(site, i);
    return t !== undefined && !isWeightSource(site, i) && sameExtents(t.ne, site.node.ne);
  });
}

/** Another weight of the same shape under a name that engines mix up with this one. */
export interface Sibling {
  /** The same at every node: `the layer before`, `ffn_norm`. */
  readonly label: string;
  readonly name: string;
  readonly values: Float32Array;
}

/** @param kinds the middle parts of names, `attn_norm` in `blk.3.attn_norm.weight`, that may be mixed up */
export function* siblings(weights: WeightSource, name: string, kinds: readonly string[]): Generator<Sibling> {
  const own = weights.tensor(name);
  const parts = /^blk\.(\d+)\.(.+)\.(weight|bias|scale)$/.exec(name);
  if (!own || !parts) return;
  const [, layer = '', kind = '', suffix = ''] = parts;
  const names: [string, string][] = [
    ['the layer before', `blk.${Number(layer) - 1}.${kind}.${suffix}`],
    ['the layer after', `blk.${Number(layer) + 1}.${kind}.${suffix}`],
    ['the first layer', `blk.0.${kind}.${suffix}`],
    ...kinds.filter((k) => k !== kind).map((k): [string, string] => [k, `blk.${layer}.${k}.${suffix}`]),
  ];
  for (const [label, other] of names) {
    const tensor = other === name ? undefined : weights.tensor(other);
    if (tensor && elementCount(tensor.ne) === elementCount(own.ne)) {
      yield { label, name: other, values: decodeTensor(tensor) };
    }
  }
}
