/** Attention scores that a mask hides: nobody reads them, so engines may leave them out. */
import type { Graph, GraphTensor } from '../graph/graph';
import { elementCount, isComputing, memoryOwner, tensorOf } from '../graph/graph';
import { readersOf } from '../graph/readers';
import type { Checkpoints } from '../ops/run-memory';

/** Ops between the product of queries and keys and its soft-max. */
const PASSED: ReadonlySet<string> = new Set(['SCALE', 'TANH']);

/** Scores, and the mask that hides some of them. */
export interface MaskedScores {
  readonly node: GraphTensor;
  readonly mask: GraphTensor;
}

/** Every node whose values only a masked soft-max reads, by key. */
export function hiddenScores(graph: Graph): ReadonlyMap<string, MaskedScores> {
  const found = new Map<string, MaskedScores>();
  const hasOneReader = (t: GraphTensor): boolean =>
    readersOf(graph, t).filter((reader) => isComputing(graph, reader)).length === 1;
  for (const id of graph.order) {
    const softMax = tensorOf(graph, id);
    const [scores, maskId] = softMax.src;
    if (softMax.kind !== 'SOFT_MAX' || scores === undefined || maskId === undefined) continue;
    let at = memoryOwner(graph, tensorOf(graph, scores));
    while (isComputing(graph, at) && hasOneReader(at) && elementCount(at.ne) === elementCount(softMax.ne)) {
      if (at.kind !== 'MUL_MAT' && !PASSED.has(at.kind)) break;
      found.set(at.key, { node: at, mask: tensorOf(graph, maskId) });
      const [before] = at.src;
      if (at.kind === 'MUL_MAT' || before === undefined) break;
      at = memoryOwner(graph, tensorOf(graph, before));
    }
  }
  return found;
}

/**
 * 1 where a score counts, 0 where the mask hides it; `before` where the mask's values are not known.
 * @param before what counts without the mask; everything when absent
 */
export function seenScores(
  { node, mask }: MaskedScores,
  captured: Checkpoints,
  before: Uint8Array | undefined,
): Uint8Array | undefined {
  if (!captured.entries.has(mask.key) || mask.ne[0] !== node.ne[0] || mask.ne[1] < node.ne[1]) return before;
  const values = captured.readF32(mask.key);
  const [keys, rows, heads] = node.ne;
  const plane = mask.ne[0] * mask.ne[1];
  const seen = before?.slice() ?? new Uint8Array(elementCount(node.ne)).fill(1);
  for (let i = 0; i < seen.length; i++) {
    const row = Math.floor(i / keys) % rows;
    const head = Math.floor(i / (keys * rows)) % heads;
    if (values[(head % mask.ne[2]) * plane + row * keys + (i % keys)] === -Infinity) seen[i] = 0;
  }
  return seen;
}
