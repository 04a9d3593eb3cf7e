/** Values and shapes that attention hypotheses need and a site does not hand out directly. */
import { QuarrelError } from '../../../base/errors';
import type { Dims, GraphTensor } from '../../../graph/graph';
import { memoryOwner, tensorOf } from '../../../graph/graph';
import { gatherF32, WeightRows } from '../../../ops/operand';
import { contiguousStrides } from '../../../ops/tensor-shape';
import type { Change, Site } from '../../site';
import { evaluateChanged, sourceTensor } from '../../site';

/** Source `index`, all elements in logical order; a weight is decoded. Throws QuarrelError where there is none. */
export function allValuesOf(site: Site, index: number): Float32Array {
  const given = site.source(index);
  if (given) return given;
  const t = sourceTensor(site, index);
  const tensor = t && site.weights.tensor(memoryOwner(site.graph, t).name);
  if (!tensor) throw new QuarrelError(`${site.node.key}: source ${index} has no values`);
  return gatherF32(new WeightRows(tensor, t.viewOffs, t.type, t.ne, t.nb));
}

/** A source with other extents than in the graph. */
export interface Reshaped {
  readonly ne: Dims;
  readonly values: Float32Array;
}

/** The node's result where sources, by index, are other tensors of other extents; they keep their type. */
export function evaluateReshaped(
  site: Site,
  sources: ReadonlyMap<number, Reshaped>,
  change: Change = {},
): Float32Array {
  const changed = new Map<number, GraphTensor>();
  const values = new Map(change.sources);
  for (const [index, { ne, values: own }] of sources) {
    const t = sourceTensor(site, index);
    if (!t) throw new QuarrelError(`${site.node.key}: source ${index} is absent`);
    changed.set(t.id, { ...t, ne, nb: contiguousStrides(t.type, ne), viewOffs: 0 });
    values.set(index, own);
  }
  const tensors = site.graph.tensors.map((t) => changed.get(t.id) ?? t);
  return evaluateChanged({ ...site, graph: { ...site.graph, tensors } }, { ...change, sources: values });
}

/** The node's result on the site's own inputs: those of a stretch may be wrong already. */
export function evaluateAsIs(site: Site): Float32Array {
  return evaluateChanged(site, {});
}

/** Whether the node multiplies two activations, as attention does: K·Q or V·P. */
export function isAttentionProduct(site: Site): boolean {
  const { graph, node } = site;
  return isProductOfActivations(graph, node);
}

export function isProductOfActivations(graph: Site['graph'], node: GraphTensor): boolean {
  const [a, b] = node.src;
  if (node.kind !== 'MUL_MAT' || a === undefined || b === undefined) return false;
  return (
    memoryOwner(graph, tensorOf(graph, a)).role !== 'weight' && memoryOwner(graph, tensorOf(graph, b)).role === 'node'
  );
}
