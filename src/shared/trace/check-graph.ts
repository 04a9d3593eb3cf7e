/** Whether a graph from a file is one that can be run: llama.cpp shows tensors in an order that makes most of it plain. */
import type { NodeId } from '../base/brand';
import type { Dims, Graph, GraphTensor } from '../graph/graph';
import { isContiguous, spanBytes } from '../ops/tensor-shape';
import { QUANT_FORMATS } from '../quant/registry';

/** What is wrong, with the place in the graph; undefined for a sound one. */
export function graphFault(graph: Graph): string | undefined {
  const keys = new Set<string>();
  for (const [i, t] of graph.tensors.entries()) {
    const fault = t.id !== i ? `id ${t.id}, expected ${i}` : (tensorFault(t) ?? linkFault(graph, t));
    if (fault !== undefined) return `tensors[${i}] (${t.key}): ${fault}`;
    if (keys.has(t.key)) return `tensors[${i}]: key ${JSON.stringify(t.key)} is that of another tensor, too`;
    keys.add(t.key);
  }
  return orderFault(graph);
}

function tensorFault(t: GraphTensor): string | undefined {
  const { ne, nb, type } = t;
  const { blockElements } = QUANT_FORMATS[type];
  if (ne[0] % blockElements !== 0)
    return `ne[0] is ${ne[0]}, expected a multiple of ${type}'s block of ${blockElements}`;
  const bytes = spanBytes(t);
  if (!Number.isSafeInteger(product(ne)) || !Number.isSafeInteger(bytes)) {
    return `ne [${ne.join(', ')}] with strides [${nb.join(', ')}] is more than any memory`;
  }
  return undefined;
}

/** Sources and views come before what reads them, so that nothing reads itself round a corner. */
function linkFault(graph: Graph, t: GraphTensor): string | undefined {
  for (const [i, source] of t.src.entries()) {
    if (source !== undefined && source >= t.id) return `src[${i}] is ${source}, expected a tensor before it`;
  }
  if (t.viewSrc === undefined) {
    if (t.viewOffs !== 0) return `viewOffs is ${t.viewOffs} without a viewSrc, expected 0`;
    return isContiguous(t) || product(t.ne) === 0
      ? undefined
      : `strides [${t.nb.join(', ')}] leave gaps, and it is no view`;
  }
  const owner = t.viewSrc < t.id ? graph.tensors[t.viewSrc] : undefined;
  if (!owner) return `viewSrc is ${t.viewSrc}, expected a tensor before it`;
  if (owner.viewSrc !== undefined)
    return `viewSrc ${t.viewSrc} is a view itself, expected the tensor that owns the memory`;
  const [end, bytes] = [t.viewOffs + spanBytes(t), spanBytes(owner)];
  return end <= bytes ? undefined : `the view ends at byte ${end} of ${owner.key}, which has ${bytes}`;
}

function orderFault({ tensors, order }: Graph): string | undefined {
  const places = new Map<NodeId, number>();
  for (const [i, id] of order.entries()) {
    const t = tensors[id];
    if (!t) return `order[${i}] is ${id}, expected one of ${tensors.length} tensors`;
    if (t.role !== 'node') return `order[${i}] is ${t.key}, a ${t.role}, expected a node`;
    if (places.has(id)) return `order[${i}] is ${t.key}, which ran already`;
    places.set(id, i);
  }
  const early = order.find((id) => tensors[id]?.src.some((s) => s !== undefined && isLater(places, s, id)));
  if (early !== undefined) return `order: ${tensors[early]?.key ?? ''} runs before a node that it reads`;
  const idle = tensors.find((t) => t.role === 'node' && !places.has(t.id));
  return idle && `order: the node ${idle.key} never runs`;
}

function isLater(places: ReadonlyMap<NodeId, number>, source: NodeId, of: NodeId): boolean {
  return (places.get(source) ?? -1) >= (places.get(of) ?? 0);
}

function product(ne: Dims): number {
  return ne[0] * ne[1] * ne[2] * ne[3];
}
