import { computingProducers } from '../../shared/graph/producers';
import { tensorOf } from '../../shared/graph/graph';
import { stepKey, stepsOf, stepView } from '../../shared/trace/steps';
import type { TraceFile } from './trace-file';

/**
 * By key, the nodes that a lane could not compute and whose place llama.cpp's value took when this one read them.
 * Empty for a trace without graphs.
 */
export function substitutedReads(trace: TraceFile): ReadonlyMap<string, readonly string[]> {
  const reads = new Map<string, readonly string[]>();
  for (let step = 0; step <= stepsOf(trace); step++) {
    const { manifest } = stepView(trace, step);
    const missing = new Set(manifest?.notMeasured.map((n) => n.node));
    if (!manifest?.graph || missing.size === 0) continue;
    const { graph } = manifest;
    for (const [id, sources] of computingProducers(graph)) {
      const taken = sources.map((source) => tensorOf(graph, source).key).filter((key) => missing.has(key));
      if (taken.length > 0) reads.set(stepKey(step, tensorOf(graph, id).key), taken);
    }
  }
  return reads;
}
