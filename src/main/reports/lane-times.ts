import type { Graph } from '../../shared/graph/graph';
import { isComputing, layersOf, tensorOf } from '../../shared/graph/graph';

/** One node's time on a lane. */
export interface TimedNode {
  readonly node: string;
  readonly op: string;
  readonly layer: number | null;
  /** 0: the prompt; k: decode step k. */
  readonly step: number;
  readonly microseconds: number;
}

/** A lane's nodes in the order in which they ran; those without a time are left out. */
export interface TimedLane {
  readonly lane: string;
  readonly nodes: readonly TimedNode[];
}

/** Gathers the times of a run's lanes, step by step. */
export class LaneTimes {
  private readonly byLane = new Map<string, TimedNode[]>();

  /** @param timings microseconds by node key; absent where a lane kept none */
  add(lane: string, step: number, graph: Graph, timings: Readonly<Record<string, number>> | undefined): void {
    if (!timings) return;
    const nodes = this.byLane.get(lane) ?? [];
    this.byLane.set(lane, nodes);
    const layers = layersOf(graph);
    for (const id of graph.order) {
      const t = tensorOf(graph, id);
      const microseconds = timings[t.key];
      if (microseconds === undefined || !isComputing(graph, t)) continue;
      nodes.push({ node: t.key, op: t.kind, layer: layers.get(id) ?? null, step, microseconds });
    }
  }

  get lanes(): readonly TimedLane[] {
    return [...this.byLane].map(([lane, nodes]) => ({ lane, nodes })).filter(({ nodes }) => nodes.length > 0);
  }
}
