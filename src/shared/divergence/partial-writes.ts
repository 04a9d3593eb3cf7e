import type { NodeId } from '../base/brand';
import type { Graph } from '../graph/graph';
import { memoryOwner, tensorOf } from '../graph/graph';
import { computingProducers } from '../graph/producers';
import type { Candidate } from './examine';

/** Whether the dump has no value of a whole row; a part of each, as with another KV length, is another matter. */
function lacksRows(mask: Uint8Array | undefined, width: number): boolean {
  for (let at = 0; mask && at < mask.length; at += width) {
    if (!mask.subarray(at, at + width).includes(1)) return true;
  }
  return false;
}

/**
 * Cache writes of which a dump has some tokens only: the others' keys and values are llama.cpp's, so what attention
 * makes of them is not the candidate's own.
 */
export class PartialWrites {
  private readonly producers: ReadonlyMap<NodeId, readonly NodeId[]>;
  private readonly known = new Map<NodeId, boolean>();

  constructor(
    private readonly graph: Graph,
    private readonly candidate: Pick<Candidate, 'seed' | 'mask'>,
  ) {
    this.producers = computingProducers(graph);
  }

  /** Whether a write stores rows that the dump lacks. */
  has(write: NodeId): boolean {
    const [rows] = tensorOf(this.graph, write).src;
    return rows !== undefined && this.isPartial(memoryOwner(this.graph, tensorOf(this.graph, rows)).id);
  }

  /** Whether a node's rows are not all the dump's own: it has only some, or it lacks them and what makes them is so. */
  private isPartial(id: NodeId): boolean {
    const before = this.known.get(id);
    if (before !== undefined) return before;
    this.known.set(id, false);
    const { key, ne } = tensorOf(this.graph, id);
    const { seed, mask } = this.candidate;
    const partial = seed.entries.has(key)
      ? lacksRows(mask(key), ne[0])
      : (this.producers.get(id) ?? []).some((producer) => this.isPartial(producer));
    this.known.set(id, partial);
    return partial;
  }
}
