import type { GraphTensor } from '../graph/graph';
import { elementCount } from '../graph/graph';
import { graphOfStep, splitStepKey } from './steps';
import type { TraceEntry, TraceManifest } from './trace';

/** What is wrong with checkpoints as results of the file's own graph; undefined where they fit it. */
export function entriesFault(manifest: TraceManifest, entries: Iterable<TraceEntry>): string | undefined {
  const byStep = new Map<number, ReadonlyMap<string, GraphTensor>>();
  for (const entry of entries) {
    const { step, key } = splitStepKey(entry.key);
    const tensors = byStep.get(step) ?? new Map(graphOfStep(manifest, step)?.tensors.map((t) => [t.key, t]));
    byStep.set(step, tensors);
    const fault = shapeFault(entry, tensors.get(key));
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** @param tensor the graph's; undefined where it has none of that name */
export function shapeFault({ key, shape }: TraceEntry, tensor: GraphTensor | undefined): string | undefined {
  if (!tensor || shape.reduce((a, b) => a * b, 1) === elementCount(tensor.ne)) return undefined;
  return `tensor ${key} has the shape [${shape.join(', ')}], expected ne [${tensor.ne.join(', ')}] as in the manifest's graph`;
}
