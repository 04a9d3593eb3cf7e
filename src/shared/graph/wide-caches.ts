import { QUANT_FORMATS } from '../quant/registry';
import type { Dims, Graph, GraphTensor } from './graph';
import { memoryOwner } from './graph';

/** Types of caches that hold less than f32 does. */
const NARROW: ReadonlySet<string> = new Set(['F16', 'BF16']);

/**
 * The same graph for an engine that keeps keys, values and recurrent state in f32, where llama.cpp rounds them to 16
 * bits: states and all views of them are F32. Undefined where the graph has none to widen.
 */
export function withWideCaches(graph: Graph): Graph | undefined {
  const isNarrow = (t: GraphTensor): boolean => {
    const owner = memoryOwner(graph, t);
    return owner.role === 'state' && NARROW.has(owner.type) && t.type === owner.type;
  };
  if (!graph.tensors.some(isNarrow)) return undefined;
  return { ...graph, tensors: graph.tensors.map((t) => (isNarrow(t) ? widened(t) : t)) };
}

function widened(t: GraphTensor): GraphTensor {
  const factor = QUANT_FORMATS.F32.blockBytes / QUANT_FORMATS[t.type].blockBytes;
  const nb = t.nb.map((n) => n * factor) as unknown as Dims;
  return { ...t, type: 'F32', nb, viewOffs: t.viewOffs * factor };
}
